/* host/report/pdf.c -- the blocks on A4 pages, by Cairo. */
#include "host/report/blocks.h"

#include "cim/util.h"

#include <cairo-pdf.h>
#include <math.h>
#include <string.h>

/* Points. */
static const double PAGE_W = 595.28;
static const double PAGE_H = 841.89;
static const double MARGIN = 48.0;
static const double FOOT = 40.0;
static const double POINT_M = 0.0254 / 72.0;
static const double CELL_PT = 8.0;
static const double PAD = 3.0;
enum { CELL_MAX = 400 };

struct pages {
    const struct host_report_source *source;
    const struct host_report_blocks *blocks;
    cairo_t *cr;
    double y;
    int number;
};

static double
wide(void)
{
    return PAGE_W - 2.0 * MARGIN;
}

static void
draw_foot(struct pages *pages)
{
    char text[256];
    cairo_set_source_rgb(pages->cr, 0.4, 0.45, 0.5);
    (void)snprintf(text, sizeof text,
                   pages->source->chinese ? "%.80s　第 %d 页" : "%.80s · page %d",
                   pages->source->number, pages->number);
    (void)host_report_draw_text(pages->cr, text, MARGIN, PAGE_H - FOOT + 8.0, wide(), 7.5, false);
    cairo_set_source_rgb(pages->cr, 0.11, 0.15, 0.2);
}

static void
turn_page(struct pages *pages)
{
    draw_foot(pages);
    cairo_show_page(pages->cr);
    pages->number++;
    pages->y = MARGIN;
}

/* A new page where less than this is left. */
static void
need(struct pages *pages, double height)
{
    if (pages->y + height > PAGE_H - FOOT && pages->y > MARGIN) {
        turn_page(pages);
    }
}

static void
draw_paragraph(struct pages *pages, const char *text, double size, bool bold, double after)
{
    const double height = host_report_text_height(pages->cr, text, wide(), size, bold);
    need(pages, height);
    pages->y +=
        host_report_draw_text(pages->cr, text, MARGIN, pages->y, wide(), size, bold) + after;
}

/* ---- tables ---- */

static void
cell_text(const struct host_report_table *table, size_t row, size_t c, char cell[CELL_MAX])
{
    cim_copy_text(cell, CELL_MAX, table->cells[row * table->n_columns + c]);
}

static void
share_width(const struct pages *pages, const struct host_report_table *table,
            double widths[HOST_REPORT_COLUMNS_MAX])
{
    for (size_t c = 0; c < table->n_columns; c++) {
        widths[c] = 0.0;
        for (size_t row = 0; row <= table->n_rows; row++) {
            char cell[CELL_MAX];
            cell_text(table, row, c, cell);
            widths[c] = fmax(widths[c], host_report_text_width(pages->cr, cell, CELL_PT, row == 0));
        }
        widths[c] += 2.0 * PAD + 1.0;
    }
    host_report_share_width(table->n_columns, wide(), widths);
}

static double
row_height(const struct pages *pages, const struct host_report_table *table, size_t row,
           const double *widths)
{
    double height = 0.0;
    for (size_t c = 0; c < table->n_columns; c++) {
        char cell[CELL_MAX];
        cell_text(table, row, c, cell);
        height = fmax(height, host_report_text_height(pages->cr, cell, widths[c] - 2.0 * PAD,
                                                      CELL_PT, row == 0));
    }
    return height + 2.0 * PAD;
}

static void
draw_row(struct pages *pages, const struct host_report_table *table, size_t row,
         const double *widths)
{
    const double height = row_height(pages, table, row, widths);
    double x = MARGIN;
    char cell[CELL_MAX];
    if (pages->y + height > PAGE_H - FOOT) {
        turn_page(pages);
        if (row > 0) {
            draw_row(pages, table, 0, widths);
        }
    }
    if (row == 0) {
        cairo_rectangle(pages->cr, MARGIN, pages->y, wide(), height);
        cairo_set_source_rgb(pages->cr, 0.9, 0.93, 0.97);
        cairo_fill(pages->cr);
    }
    cairo_set_line_width(pages->cr, 0.4);
    for (size_t c = 0; c < table->n_columns; c++) {
        cell_text(table, row, c, cell);
        cairo_rectangle(pages->cr, x, pages->y, widths[c], height);
        cairo_set_source_rgb(pages->cr, 0.65, 0.7, 0.75);
        cairo_stroke(pages->cr);
        cairo_set_source_rgb(pages->cr, 0.11, 0.15, 0.2);
        (void)host_report_draw_text(pages->cr, cell, x + PAD, pages->y + PAD, widths[c] - 2.0 * PAD,
                                    CELL_PT, row == 0);
        x += widths[c];
    }
    pages->y += height;
}

static void
draw_table(struct pages *pages, const struct host_report_table *table)
{
    double widths[HOST_REPORT_COLUMNS_MAX];
    share_width(pages, table, widths);
    if (table->n_rows > 0) { /* no head without a row below it */
        need(pages, row_height(pages, table, 0, widths) + row_height(pages, table, 1, widths));
    }
    for (size_t row = 0; row <= table->n_rows; row++) {
        draw_row(pages, table, row, widths);
    }
    pages->y += 10.0;
}

/* ---- the rest ---- */

static void
draw_map(struct pages *pages, const char *title)
{
    const double least = 250.0;
    const double most = 380.0;
    const double around = 50.0; /* its heading, and the line below it */
    double height;
    char name[256];
    (void)snprintf(name, sizeof name, pages->source->chinese ? "%.200s成果图" : "Map: %.200s",
                   title);
    need(pages, least + around);
    height = fmin(most, PAGE_H - FOOT - around - pages->y);
    pages->y += host_report_draw_text(pages->cr, name, MARGIN, pages->y, wide(), 11.0, true) + 4.0;
    cairo_save(pages->cr);
    cairo_translate(pages->cr, MARGIN, pages->y);
    host_report_draw_map(pages->blocks, pages->cr, wide(), height, POINT_M);
    cairo_restore(pages->cr);
    pages->y += height + 4.0;
    (void)snprintf(name, sizeof name,
                   pages->source->chinese ? "坐标系 CGCS2000　单位：米　制图日期 %s"
                                          : "CGCS2000 · metres · drawn on %s",
                   pages->source->date);
    pages->y += host_report_draw_text(pages->cr, name, MARGIN, pages->y, wide(), 7.5, false) + 12.0;
}

static void
draw_head(struct pages *pages)
{
    const struct host_report_source *source = pages->source;
    char line[256];
    cairo_set_source_rgb(pages->cr, 0.11, 0.15, 0.2);
    if (source->office[0] != '\0') {
        draw_paragraph(pages, source->office, 13.0, true, 6.0);
    }
    (void)snprintf(line, sizeof line, source->chinese ? "%.180s报告" : "Report: %.180s",
                   source->title);
    draw_paragraph(pages, line, 18.0, true, 6.0);
    (void)snprintf(line, sizeof line, source->chinese ? "编号：%.80s　日期：%s" : "No. %.80s · %s",
                   source->number, source->date);
    draw_paragraph(pages, line, 9.0, false, 10.0);
}

static void
draw_all(struct pages *pages)
{
    draw_head(pages);
    for (size_t i = 0; i < pages->blocks->n; i++) {
        const struct host_report_block *block = &pages->blocks->blocks[i];
        switch (block->kind) {
        case HOST_REPORT_HEADING:
            need(pages, 90.0);
            draw_paragraph(pages, block->text, 12.0, true, 5.0);
            break;
        case HOST_REPORT_TABLE:
            draw_table(pages, &block->table);
            break;
        case HOST_REPORT_MAP:
            draw_map(pages, block->text);
            break;
        case HOST_REPORT_TEXT:
        default:
            if (block->text[0] != '\0') {
                draw_paragraph(pages, block->text, 9.0, false, 8.0);
            }
            break;
        }
    }
    draw_foot(pages);
}

static cairo_status_t
take_bytes(void *arg, const unsigned char *data, unsigned length)
{
    cim_buf_add(arg, data, length);
    return ((struct cim_buf *)arg)->failed == CIM_OK ? CAIRO_STATUS_SUCCESS
                                                     : CAIRO_STATUS_WRITE_ERROR;
}

cim_status
host_report_pdf(const struct host_report_source *source, struct cim_buf *out, cim_error *err)
{
    struct host_report_blocks blocks = {.n = 0};
    cairo_surface_t *surface = cairo_pdf_surface_create_for_stream(take_bytes, out, PAGE_W, PAGE_H);
    struct pages pages = {source, &blocks, cairo_create(surface), MARGIN, 1};
    cim_status status = host_report_gather(source, &blocks, err);
    if (status == CIM_OK) {
        cairo_pdf_surface_set_metadata(surface, CAIRO_PDF_METADATA_TITLE, source->title);
        cairo_pdf_surface_set_metadata(surface, CAIRO_PDF_METADATA_SUBJECT, source->number);
        cairo_pdf_surface_set_metadata(surface, CAIRO_PDF_METADATA_CREATE_DATE, source->date);
        draw_all(&pages);
        cairo_show_page(pages.cr);
    }
    cairo_destroy(pages.cr);
    cairo_surface_finish(surface);
    if (status == CIM_OK && cairo_surface_status(surface) != CAIRO_STATUS_SUCCESS) {
        status = out->failed != CIM_OK
                     ? cim_buf_status(out, err)
                     : cim_fail(err, CIM_E_INTERNAL, NULL, NULL, "PDF 无法生成：%s",
                                "the PDF could not be made: %s",
                                cairo_status_to_string(cairo_surface_status(surface)));
    }
    cairo_surface_destroy(surface);
    host_report_blocks_done(&blocks);
    return status;
}
