/* host/report/docx.c -- the blocks as Office Open XML (ECMA-376), the smallest set of parts that
 * Word and LibreOffice open: the document, its styles, one picture. */
#include "host/report/blocks.h"

#include "cim/util.h"
#include "host/exchange/source.h"
#include "kit/cleanup.h"

#include <cpl_vsi.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAP_W_PX = 1400, MAP_H_PX = 1000, EMU_PER_PX = 4000, PART_MAX = 32 << 20 };

static const char xml_head[] = "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n";

static const char content_types[] =
    "<Types xmlns=\"http://schemas.openxmlformats.org/package/2006/content-types\">"
    "<Default Extension=\"rels\" "
    "ContentType=\"application/vnd.openxmlformats-package.relationships+xml\"/>"
    "<Default Extension=\"png\" ContentType=\"image/png\"/>"
    "<Override PartName=\"/word/document.xml\" ContentType=\"application/"
    "vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml\"/>"
    "<Override PartName=\"/word/styles.xml\" ContentType=\"application/"
    "vnd.openxmlformats-officedocument.wordprocessingml.styles+xml\"/></Types>";

static const char package_rels[] =
    "<Relationships xmlns=\"http://schemas.openxmlformats.org/package/2006/relationships\">"
    "<Relationship Id=\"r1\" Type=\"http://schemas.openxmlformats.org/officeDocument/2006/"
    "relationships/officeDocument\" Target=\"word/document.xml\"/></Relationships>";

static const char document_rels[] =
    "<Relationships xmlns=\"http://schemas.openxmlformats.org/package/2006/relationships\">"
    "<Relationship Id=\"s1\" Type=\"http://schemas.openxmlformats.org/officeDocument/2006/"
    "relationships/styles\" Target=\"styles.xml\"/>"
    "<Relationship Id=\"m1\" Type=\"http://schemas.openxmlformats.org/officeDocument/2006/"
    "relationships/image\" Target=\"media/map.png\"/></Relationships>";

static const char styles[] =
    "<w:styles xmlns:w=\"http://schemas.openxmlformats.org/wordprocessingml/2006/main\">"
    "<w:docDefaults><w:rPrDefault><w:rPr><w:rFonts w:ascii=\"Noto Sans CJK SC\" "
    "w:hAnsi=\"Noto Sans CJK SC\" w:eastAsia=\"宋体\"/><w:sz w:val=\"20\"/></w:rPr></w:rPrDefault>"
    "<w:pPrDefault><w:pPr><w:spacing w:after=\"100\"/></w:pPr></w:pPrDefault></w:docDefaults>"
    "<w:style w:type=\"paragraph\" w:default=\"1\" w:styleId=\"Normal\"><w:name w:val=\"Normal\"/>"
    "</w:style><w:style w:type=\"paragraph\" w:styleId=\"Title\"><w:name w:val=\"Title\"/>"
    "<w:basedOn w:val=\"Normal\"/><w:rPr><w:b/><w:sz w:val=\"36\"/></w:rPr></w:style>"
    "<w:style w:type=\"paragraph\" w:styleId=\"Heading1\"><w:name w:val=\"heading 1\"/>"
    "<w:basedOn w:val=\"Normal\"/><w:pPr><w:keepNext/><w:spacing w:before=\"200\"/>"
    "<w:outlineLvl w:val=\"0\"/></w:pPr><w:rPr><w:b/><w:sz w:val=\"26\"/></w:rPr></w:style>"
    "</w:styles>";

/* ---- the document ---- */

/* Characters that XML has no place for are left out. */
static void
add_text(struct cim_buf *out, const char *text)
{
    char clean[4096];
    size_t n = 0;
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text >= 0x20 || *text == '\n' || *text == '\t') {
            clean[n++] = *text;
        }
        if (n > sizeof clean - 8 && ((unsigned char)text[1] & 0xc0U) != 0x80U) {
            clean[n] = '\0';
            cim_buf_add_html(out, clean);
            n = 0;
        }
    }
    clean[n] = '\0';
    cim_buf_add_html(out, clean);
}

static void
add_paragraph(struct cim_buf *out, const char *style, const char *text)
{
    cim_buf_add_text(out, "<w:p>");
    if (style != NULL) {
        cim_buf_addf(out, "<w:pPr><w:pStyle w:val=\"%s\"/></w:pPr>", style);
    }
    cim_buf_add_text(out, "<w:r><w:t xml:space=\"preserve\">");
    add_text(out, text);
    cim_buf_add_text(out, "</w:t></w:r></w:p>");
}

static void
add_table(struct cim_buf *out, const struct host_report_table *table)
{
    static const char *const sides[] = {"top", "left", "bottom", "right", "insideH", "insideV"};
    cim_buf_add_text(out, "<w:tbl><w:tblPr><w:tblW w:w=\"5000\" w:type=\"pct\"/><w:tblBorders>");
    for (size_t i = 0; i < sizeof sides / sizeof sides[0]; i++) {
        cim_buf_addf(out, "<w:%s w:val=\"single\" w:sz=\"4\" w:color=\"A0A8B0\"/>", sides[i]);
    }
    cim_buf_add_text(out, "</w:tblBorders></w:tblPr><w:tblGrid>");
    for (size_t c = 0; c < table->n_columns; c++) {
        cim_buf_addf(out, "<w:gridCol w:w=\"%zu\"/>", 9600 / table->n_columns);
    }
    cim_buf_add_text(out, "</w:tblGrid>");
    for (size_t row = 0; row <= table->n_rows; row++) {
        /* a row is not cut by the end of a page; the head is repeated on each */
        cim_buf_addf(out, "<w:tr><w:trPr><w:cantSplit/>%s</w:trPr>",
                     row == 0 ? "<w:tblHeader/>" : "");
        for (size_t c = 0; c < table->n_columns; c++) {
            cim_buf_add_text(out, row == 0
                                      ? "<w:tc><w:tcPr><w:shd w:val=\"clear\" w:fill=\"E6EDF7\"/>"
                                        "</w:tcPr>"
                                      : "<w:tc>");
            add_paragraph(out, NULL, table->cells[row * table->n_columns + c]);
            cim_buf_add_text(out, "</w:tc>");
        }
        cim_buf_add_text(out, "</w:tr>");
    }
    cim_buf_add_text(out, "</w:tbl><w:p/>");
}

static void
add_picture(struct cim_buf *out)
{
    const long cx = (long)MAP_W_PX * EMU_PER_PX;
    const long cy = (long)MAP_H_PX * EMU_PER_PX;
    cim_buf_addf(
        out,
        "<w:p><w:r><w:drawing><wp:inline><wp:extent cx=\"%ld\" cy=\"%ld\"/><wp:docPr id=\"1\" "
        "name=\"map\"/><a:graphic><a:graphicData "
        "uri=\"http://schemas.openxmlformats.org/drawingml/2006/picture\"><pic:pic><pic:nvPicPr>"
        "<pic:cNvPr id=\"1\" name=\"map.png\"/><pic:cNvPicPr/></pic:nvPicPr><pic:blipFill><a:blip "
        "r:embed=\"m1\"/><a:stretch><a:fillRect/></a:stretch></pic:blipFill><pic:spPr><a:xfrm>"
        "<a:off x=\"0\" y=\"0\"/><a:ext cx=\"%ld\" cy=\"%ld\"/></a:xfrm><a:prstGeom "
        "prst=\"rect\"><a:avLst/></a:prstGeom></pic:spPr></pic:pic></a:graphicData></a:graphic>"
        "</wp:inline></w:drawing></w:r></w:p>",
        cx, cy, cx, cy);
}

static void
write_document(const struct host_report_source *source, const struct host_report_blocks *blocks,
               struct cim_buf *out)
{
    char line[256];
    cim_buf_add_text(
        out, "<w:document xmlns:w=\"http://schemas.openxmlformats.org/wordprocessingml/2006/main\" "
             "xmlns:r=\"http://schemas.openxmlformats.org/officeDocument/2006/relationships\" "
             "xmlns:wp=\"http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing\" "
             "xmlns:a=\"http://schemas.openxmlformats.org/drawingml/2006/main\" "
             "xmlns:pic=\"http://schemas.openxmlformats.org/drawingml/2006/picture\"><w:body>");
    if (source->office[0] != '\0') {
        add_paragraph(out, "Heading1", source->office);
    }
    (void)snprintf(line, sizeof line, source->chinese ? "%.180s报告" : "Report: %.180s",
                   source->title);
    add_paragraph(out, "Title", line);
    (void)snprintf(line, sizeof line, source->chinese ? "编号：%.80s　日期：%s" : "No. %.80s · %s",
                   source->number, source->date);
    add_paragraph(out, NULL, line);
    for (size_t i = 0; i < blocks->n; i++) {
        const struct host_report_block *block = &blocks->blocks[i];
        switch (block->kind) {
        case HOST_REPORT_HEADING:
            add_paragraph(out, "Heading1", block->text);
            break;
        case HOST_REPORT_TABLE:
            add_table(out, &block->table);
            break;
        case HOST_REPORT_MAP:
            (void)snprintf(line, sizeof line, source->chinese ? "%.200s成果图" : "Map: %.200s",
                           block->text);
            add_paragraph(out, "Heading1", line);
            add_picture(out);
            break;
        case HOST_REPORT_TEXT:
        default:
            add_paragraph(out, NULL, block->text);
            break;
        }
    }
    cim_buf_add_text(out, "<w:sectPr><w:pgSz w:w=\"11906\" w:h=\"16838\"/><w:pgMar w:top=\"1100\" "
                          "w:right=\"1100\" w:bottom=\"1100\" w:left=\"1100\"/></w:sectPr>"
                          "</w:body></w:document>");
}

/* ---- the package ---- */

static cairo_status_t
take_bytes(void *arg, const unsigned char *data, unsigned length)
{
    cim_buf_add(arg, data, length);
    return CAIRO_STATUS_SUCCESS;
}

static cim_status
draw_picture(const struct host_report_blocks *blocks, struct cim_buf *png, cim_error *err)
{
    const double scale = 2.6; /* text stays readable at the width of a page */
    cairo_surface_t *surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, MAP_W_PX, MAP_H_PX);
    cairo_t *cr = cairo_create(surface);
    cairo_scale(cr, scale, scale);
    /* so many points as the picture is wide on paper */
    host_report_draw_map(blocks, cr, MAP_W_PX / scale, MAP_H_PX / scale,
                         EMU_PER_PX * scale / 36000.0 / 1000.0);
    cairo_destroy(cr);
    (void)cairo_surface_write_to_png_stream(surface, take_bytes, png);
    cairo_surface_destroy(surface);
    return cim_buf_status(png, err);
}

static bool
write_part(const char *archive, const char *name, const char *head, const void *data, size_t len)
{
    char path[HOST_PATH_MAX + 128];
    VSILFILE *file = NULL;
    bool done = false;
    (void)snprintf(path, sizeof path, "/vsizip/%s/%s", archive, name);
    file = VSIFOpenL(path, "wb");
    if (file != NULL) {
        done = VSIFWriteL(head, 1, strlen(head), file) == strlen(head) &&
               VSIFWriteL(data, 1, len, file) == len;
        done = VSIFCloseL(file) == 0 && done;
    }
    return done;
}

static cim_status
take_file(const char *path, struct cim_buf *out, cim_error *err)
{
    vsi_l_offset len = 0;
    GByte *bytes = NULL;
    if (VSIIngestFile(NULL, path, &bytes, &len, HOST_REPORT_BYTES_MAX) == 0) {
        return cim_fail(err, CIM_E_IO, NULL, NULL, "文档无法写入",
                        "the document cannot be written");
    }
    cim_buf_add(out, bytes, (size_t)len);
    VSIFree(bytes);
    return cim_buf_status(out, err);
}

static cim_status
pack(const struct host_report_source *source, const struct host_report_blocks *blocks,
     const char *archive, struct cim_buf *out, cim_error *err)
{
    CIM_AUTO_BUF struct cim_buf document;
    CIM_AUTO_BUF struct cim_buf png;
    struct host_gdal_errors errors = {0};
    bool done = false;
    cim_buf_init(&document, PART_MAX);
    cim_buf_init(&png, PART_MAX);
    write_document(source, blocks, &document);
    CIM_TRY(cim_buf_status(&document, err));
    CIM_TRY(draw_picture(blocks, &png, err));
    host_gdal_init();
    host_gdal_enter(&errors);
    done = write_part(archive, "[Content_Types].xml", xml_head, content_types,
                      sizeof content_types - 1) &&
           write_part(archive, "_rels/.rels", xml_head, package_rels, sizeof package_rels - 1) &&
           write_part(archive, "word/document.xml", xml_head, document.data, document.len) &&
           write_part(archive, "word/styles.xml", xml_head, styles, sizeof styles - 1) &&
           write_part(archive, "word/_rels/document.xml.rels", xml_head, document_rels,
                      sizeof document_rels - 1) &&
           write_part(archive, "word/media/map.png", "", png.data, png.len);
    host_gdal_leave();
    return done ? take_file(archive, out, err)
                : cim_fail(err, CIM_E_IO, NULL, NULL, "文档无法写入：%s",
                           "the document cannot be written: %s", errors.first);
}

cim_status
host_report_docx(const struct host_report_source *source, const char *work_dir, struct cim_buf *out,
                 cim_error *err)
{
    struct host_report_blocks blocks = {.n = 0};
    char archive[HOST_PATH_MAX];
    cim_status status = host_report_gather(source, &blocks, err);
    (void)snprintf(archive, sizeof archive, "%s/report.zip", work_dir);
    if (status == CIM_OK) {
        status = pack(source, &blocks, archive, out, err);
        (void)unlink(archive);
    }
    host_report_blocks_done(&blocks);
    return status;
}
