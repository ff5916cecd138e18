/* tests/unit/pictures/test_colours.c -- the classes that a legend names look different on the map,
 * by day and by night, to everybody: by shape, by what is written on them, by a badge, by their
 * line, or by colours that stay apart also for those who do not tell red from green. */
#include "unit.h"

#include "colours.h"
#include "host/pictures/mvt.h"
#include "host/pictures/style.h"
#include "host/pictures/style_variant.h"

#include <json-c/json.h>

#include <dirent.h>
#include <math.h>
#include <stdlib.h>

/* Twice what is called noticeable side by side, for marks that stand far apart. */
static const double apart_de = 8;
static const double seen_de = 12;
static const double zooms[] = {9, 12, 15};

enum { PARTS_MAX = 32, TEXT_MAX = 64 };

/* What one layer of a style draws of a feature. */
struct part {
    bool drawn;
    char image[TEXT_MAX];
    char text[TEXT_MAX];
    double fill[3];
    double edge[3];
    double edge_px; /* of ring, halo, outline or line */
    double size;
    size_t dashes;
};

struct look {
    size_t n;
    struct part parts[PARTS_MAX];
};

struct sheet {
    const struct host_pic_style *style;
    double ground[3];
    bool night;
};

/* ---- what a class looks like ---- */

static void
over(const struct sheet *sheet, struct host_pic_color color, double opacity, double out[3])
{
    const double rgb[3] = {color.r, color.g, color.b};
    const double a = color.a * opacity;
    for (int i = 0; i < 3; i++) {
        out[i] = rgb[i] * a + sheet->ground[i] * (1 - a);
    }
}

static void
copy_value(struct host_pic_value value, char out[TEXT_MAX])
{
    out[0] = '\0';
    if (value.kind == HOST_PIC_TEXT) {
        (void)snprintf(out, TEXT_MAX, "%.*s", (int)value.u.text.len, value.u.text.at);
    }
}

static void
take_part(const struct sheet *sheet, const struct host_pic_layer *layer, struct host_pic_eval *eval,
          struct part *part)
{
    switch (layer->type) {
    case HOST_PIC_FILL:
        over(sheet, host_pic_color(layer, HOST_PIC_FILL_COLOR, eval),
             host_pic_number(layer, HOST_PIC_FILL_OPACITY, eval), part->fill);
        break;
    case HOST_PIC_LINE: {
        const struct host_pic_value dashes = host_pic_value(layer, HOST_PIC_LINE_DASHES, eval);
        over(sheet, host_pic_color(layer, HOST_PIC_LINE_COLOR, eval),
             host_pic_number(layer, HOST_PIC_LINE_OPACITY, eval), part->edge);
        part->edge_px = host_pic_number(layer, HOST_PIC_LINE_WIDTH, eval);
        part->dashes = dashes.kind == HOST_PIC_LIST ? dashes.u.list.n : 0;
        break;
    }
    case HOST_PIC_CIRCLE:
        over(sheet, host_pic_color(layer, HOST_PIC_CIRCLE_COLOR, eval),
             host_pic_number(layer, HOST_PIC_CIRCLE_OPACITY, eval), part->fill);
        over(sheet, host_pic_color(layer, HOST_PIC_CIRCLE_STROKE, eval),
             host_pic_number(layer, HOST_PIC_CIRCLE_STROKE_OPACITY, eval), part->edge);
        part->edge_px = host_pic_number(layer, HOST_PIC_CIRCLE_STROKE_WIDTH, eval);
        part->size = host_pic_number(layer, HOST_PIC_CIRCLE_RADIUS, eval);
        break;
    case HOST_PIC_SYMBOL:
        copy_value(host_pic_value(layer, HOST_PIC_ICON_IMAGE, eval), part->image);
        copy_value(host_pic_value(layer, HOST_PIC_TEXT_FIELD, eval), part->text);
        if (part->image[0] != '\0') {
            over(sheet, host_pic_color(layer, HOST_PIC_ICON_COLOR, eval),
                 host_pic_number(layer, HOST_PIC_ICON_OPACITY, eval), part->fill);
            over(sheet, host_pic_color(layer, HOST_PIC_ICON_HALO_COLOR, eval), 1, part->edge);
            part->edge_px = host_pic_number(layer, HOST_PIC_ICON_HALO_WIDTH, eval);
            part->size = 10 * host_pic_number(layer, HOST_PIC_ICON_SIZE, eval);
        }
        break;
    case HOST_PIC_BACKGROUND:
    case HOST_PIC_HEATMAP:
    default:
        break;
    }
}

/* The look of a record of which one attribute is known. */
static void
look_at(const struct sheet *sheet, const char *source, const char *by, const char *value,
        double zoom, struct look *look)
{
    static const uint8_t tags[] = {0, 0};
    struct host_mvt_slice key = {(const uint8_t *)by, strlen(by)};
    struct host_pic_value known = {.kind = HOST_PIC_TEXT, .u.text = {value, strlen(value)}};
    struct host_mvt_feature feature = {.id = 1, .type = HOST_MVT_POINT, .tags = {tags, 2}};
    struct host_mvt_layer layer = {.extent = 4096,
                                   .n_keys = 1,
                                   .keys = &key,
                                   .n_values = 1,
                                   .values = &known,
                                   .n_features = 1,
                                   .features = &feature};
    if (strcmp(value, "true") == 0 || strcmp(value, "false") == 0) {
        known = (struct host_pic_value){.kind = HOST_PIC_BOOL, .u.flag = value[0] == 't'};
    }
    look->n = 0;
    for (size_t i = 0; i < sheet->style->n_layers; i++) {
        const struct host_pic_layer *at = &sheet->style->layers[i];
        struct host_pic_eval eval = {.zoom = zoom, .layer = &layer, .feature = &feature};
        if (at->source == NULL || strcmp(at->source, source) != 0) {
            continue;
        }
        assert_true(look->n < PARTS_MAX);
        struct part *part = &look->parts[look->n++];
        memset(part, 0, sizeof *part);
        part->drawn = zoom >= at->min_zoom && zoom < at->max_zoom && !at->hidden;
        if (part->drawn && at->filter != NULL) {
            const struct host_pic_value chosen = host_pic_expr_eval(at->filter, &eval);
            part->drawn = chosen.kind == HOST_PIC_BOOL && chosen.u.flag;
            eval.used = 0;
        }
        if (part->drawn) {
            take_part(sheet, at, &eval, part);
        }
    }
}

/* ---- how different two are ---- */

static double
least_apart(const double a[3], const double b[3])
{
    double least = INFINITY;
    for (enum vision vision = SEES_ALL; vision < N_VISIONS; vision++) {
        least = fmin(least, colours_apart(a, b, vision));
    }
    return least;
}

/* INFINITY: they differ in more than colour; else the ΔE of what differs most. */
static double
differ(const struct look *a, const struct look *b)
{
    double most = 0;
    for (size_t i = 0; i < a->n; i++) {
        const struct part *p = &a->parts[i];
        const struct part *q = &b->parts[i];
        if (p->drawn != q->drawn || strcmp(p->image, q->image) != 0 ||
            strcmp(p->text, q->text) != 0 || p->dashes != q->dashes ||
            fabs(p->edge_px - q->edge_px) >= 1 || fabs(p->size - q->size) >= 1.5) {
            return INFINITY;
        }
        most = fmax(most, least_apart(p->fill, q->fill));
        if (p->edge_px >= 1.5) {
            most = fmax(most, least_apart(p->edge, q->edge));
        }
    }
    return most;
}

/* Does anything of it stand out from the ground? */
static bool
is_seen(const struct sheet *sheet, const struct look *look)
{
    double most = 0;
    for (size_t i = 0; i < look->n; i++) {
        const struct part *part = &look->parts[i];
        if (part->drawn && (part->size > 0 || part->image[0] != '\0')) {
            most = fmax(most, least_apart(part->fill, sheet->ground));
        }
        if (part->drawn && part->edge_px >= 0.5) {
            most = fmax(most, least_apart(part->edge, sheet->ground));
        }
    }
    return most >= seen_de;
}

/* ---- all legends ---- */

static const char *
text_of(struct json_object *object, const char *key)
{
    struct json_object *value = NULL;
    return json_object_object_get_ex(object, key, &value) && value != NULL
               ? json_object_get_string(value)
               : NULL;
}

/* "symbol": false is what a person can filter by, but the map does not show. */
static bool
is_drawn(struct json_object *entry)
{
    const char *symbol = text_of(entry, "symbol");
    return symbol == NULL || strcmp(symbol, "false") != 0;
}

static int
check_section(const struct sheet *sheet, struct json_object *section, double zoom)
{
    struct json_object *classes = NULL;
    const char *source = text_of(section, "layer");
    const char *by = text_of(section, "by");
    int n = 0;
    json_object_object_get_ex(section, "classes", &classes);
    if (by == NULL || !is_drawn(section)) {
        return 0;
    }
    for (size_t i = 0; i < json_object_array_length(classes); i++) {
        struct json_object *entry = json_object_array_get_idx(classes, i);
        const char *one = text_of(entry, "value");
        struct look a;
        if (!is_drawn(entry)) {
            continue;
        }
        look_at(sheet, source, by, one, zoom, &a);
        if (!is_seen(sheet, &a)) {
            print_error("%s, %s: %s %s is hardly seen at zoom %g\n", sheet->style->id,
                        sheet->night ? "night" : "day", by, one, zoom);
            n++;
        }
        for (size_t k = 0; k < i; k++) {
            struct json_object *before = json_object_array_get_idx(classes, k);
            const char *other = text_of(before, "value");
            struct look b;
            look_at(sheet, source, by, other, zoom, &b);
            const double found = differ(&a, &b);
            if (is_drawn(before) && found < apart_de) {
                print_error("%s, %s: %s %s and %s at zoom %g are %.1f apart\n", sheet->style->id,
                            sheet->night ? "night" : "day", by, one, other, zoom, found);
                n++;
            }
        }
    }
    return n;
}

static int
check_style(const struct sheet *sheet)
{
    struct json_object *metadata = NULL;
    struct json_object *sections = NULL;
    int n = 0;
    json_object_object_get_ex(sheet->style->document, "metadata", &metadata);
    json_object_object_get_ex(metadata, "cim:legend", &sections);
    for (size_t i = 0; sections != NULL && i < json_object_array_length(sections); i++) {
        struct json_object *section = json_object_array_get_idx(sections, i);
        const char *from = text_of(section, "from_zoom");
        for (size_t z = 0; z < sizeof zooms / sizeof zooms[0]; z++) {
            if (from == NULL || zooms[z] >= strtod(from, NULL)) {
                n += check_section(sheet, section, zooms[z]);
            }
        }
    }
    return n;
}

static char *
read_text(const char *name, size_t *ret_len)
{
    char path[512];
    char *text = calloc(1, 1 << 20);
    (void)snprintf(path, sizeof path, "%s/%s", STYLES_DIR, name);
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    *ret_len = fread(text, 1, (1 << 20) - 1, file);
    (void)fclose(file);
    return text;
}

static int
check_file(const char *file, bool night)
{
    struct sheet sheet = {.night = night, .ground = {0.969, 0.961, 0.933}};
    struct host_pic_style *style = NULL;
    struct cim_buf changed;
    cim_error err = {0};
    size_t len = 0;
    char id[TEXT_MAX];
    char *text = read_text(file, &len);
    cim_buf_init(&changed, 1 << 20);
    (void)snprintf(id, sizeof id, "%.*s", (int)(strlen(file) - 5), file);
    if (night) {
        static const double dark[3] = {0x1b / 255.0, 0x26 / 255.0, 0x31 / 255.0};
        size_t palette_len = 0;
        char *palette = read_text("variants/night.json", &palette_len);
        if (host_pic_style_variant(id, "night", text, len, palette, palette_len, &changed, &err) !=
            CIM_OK) {
            fail_msg("%s: %s", file, err.en);
        }
        free(palette);
        memcpy(sheet.ground, dark, sizeof dark);
    }
    if (host_pic_style_parse(id, night ? changed.data : text, night ? changed.len : len, &style,
                             &err) != CIM_OK) {
        fail_msg("%s: %s = %s: %s", file, err.param, err.value, err.en);
    }
    sheet.style = style;
    const int n = check_style(&sheet);
    host_pic_style_free(style);
    cim_buf_done(&changed);
    free(text);
    return n;
}

static void
check_all(bool night)
{
    DIR *dir = opendir(STYLES_DIR);
    int n = 0;
    int files = 0;
    assert_non_null(dir);
    for (const struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        if (strstr(entry->d_name, ".json") != NULL) {
            n += check_file(entry->d_name, night);
            files++;
        }
    }
    (void)closedir(dir);
    assert_true(files >= 25);
    assert_int_equal(n, 0);
}

static void
test_classes_differ_by_day(void **state)
{
    (void)state;
    check_all(false);
}

static void
test_classes_differ_by_night(void **state)
{
    (void)state;
    check_all(true);
}

/* Pairs of the supplement to Sharma, Wu, Dalal 2005. */
static void
test_distance(void **state)
{
    static const struct {
        double lab[2][3];
        double expected;
    } pairs[] = {{{{50, 2.6772, -79.7751}, {50, 0, -82.7485}}, 2.0425},
                 {{{50, 2.5, 0}, {50, 0, -2.5}}, 4.3065},
                 {{{60.2574, -34.0099, 36.2677}, {60.4626, -34.1751, 39.4387}}, 1.2644},
                 {{{22.7233, 20.0904, -46.6940}, {23.0331, 14.9730, -42.5619}}, 2.0373},
                 {{{2.0776, 0.0795, -1.1350}, {0.9033, -0.0636, -0.5514}}, 0.9082}};
    static const double red[3] = {0.8, 0.1, 0.1};
    static const double green[3] = {0.35, 0.4, 0.1};
    (void)state;
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        const double found = colours_ciede2000(pairs[i].lab);
        assert_true(fabs(found - pairs[i].expected) < 1e-4);
    }
    assert_true(colours_apart(red, green, SEES_ALL) > 40);
    assert_true(colours_apart(red, green, DEUTERANOPE) < 15);
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {cmocka_unit_test(test_distance),
                                              cmocka_unit_test(test_classes_differ_by_day),
                                              cmocka_unit_test(test_classes_differ_by_night)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
