/* host/exchange/parcels_read.c -- see parcels.h. */
#include "host/exchange/parcels.h"

#include "cim/util.h"

#include <cpl_conv.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { FIELD_POINTS = 0, FIELD_SHAPE = 4, POINT_FIELDS = 4, ZONE_M = 1000000 };

void
host_parcel_done(struct host_parcel *parcel)
{
    free(parcel->points);
    *parcel = (struct host_parcel){.points = NULL};
}

static cim_status
wrong(const struct host_parcels *parcels, const char *param, const char *value, const char *zh,
      const char *en, cim_error *err)
{
    return cim_fail(err, CIM_E_INVALID, param, value, "第 %d 行（第 %d 个地块）：%s%.0s",
                    "line %d (parcel %d): %.0s%s", (int)parcels->line, (int)parcels->parcel, zh,
                    en);
}

/* Copies the next line that is not blank, without its end; false at the end of the text. */
static bool
next_line(struct host_parcels *parcels, char *line, bool *ret_too_long)
{
    *ret_too_long = false;
    while (*parcels->at != '\0') {
        size_t len = strcspn(parcels->at, "\r\n");
        const char *start = parcels->at;
        const char *end = start + len;
        parcels->at = end[0] == '\r' && end[1] == '\n' ? end + 2 : *end != '\0' ? end + 1 : end;
        parcels->line++;
        while (len > 0 && (start[len - 1] == ' ' || start[len - 1] == '\t')) {
            len--;
        }
        while (len > 0 && (*start == ' ' || *start == '\t')) {
            start++;
            len--;
        }
        if (len > 0) {
            *ret_too_long = len >= HOST_PARCELS_LINE_MAX;
            len = *ret_too_long ? HOST_PARCELS_LINE_MAX - 1 : len;
            memcpy(line, start, len);
            line[len] = '\0';
            return true;
        }
    }
    return false;
}

static cim_status
read_line(struct host_parcels *parcels, char *line, bool *ret_there, cim_error *err)
{
    bool too_long = false;
    *ret_there = next_line(parcels, line, &too_long);
    return too_long ? wrong(parcels, "file", NULL, "行过长", "the line is too long", err) : CIM_OK;
}

static bool
read_number(const char *text, double *ret_number)
{
    char *end = NULL;
    *ret_number = CPLStrtod(text, &end);
    return end != text && *end == '\0' && isfinite(*ret_number) != 0;
}

/* ---- head ---- */

static cim_status
take_setting(struct host_parcels *parcels, char *line, cim_error *err)
{
    char *equals = strchr(line, '=');
    double number = 0;
    if (equals == NULL) {
        return wrong(parcels, "属性描述", line, "应为 名称=值", "expected name=value", err);
    }
    *equals = '\0';
    if (strcmp(line, "坐标系") == 0) {
        cim_copy_text(parcels->system, sizeof parcels->system, equals + 1);
    } else if (strcmp(line, "计量单位") == 0 && strcmp(equals + 1, "米") != 0) {
        return wrong(parcels, line, equals + 1, "计量单位应为 米", "the unit: expected 米 (metres)",
                     err);
    } else if (strcmp(line, "几度分带") == 0 && equals[1] != '\0') {
        if (!read_number(equals + 1, &number) || (number != 3 && number != 6)) {
            return wrong(parcels, line, equals + 1, "几度分带应为 3 或 6",
                         "width of a zone: expected 3 or 6", err);
        }
        parcels->zone_width = (int32_t)number;
    } else if (strcmp(line, "带号") == 0 && equals[1] != '\0') {
        if (!read_number(equals + 1, &number) || number < 13 || number > 45) {
            return wrong(parcels, line, equals + 1,
                         "带号应为 13 至 23（六度带）或 25 至 45（三度带）",
                         "zone: expected 13 to 23 (of 6 degrees) or 25 to 45 (of 3 degrees)", err);
        }
        parcels->zone = (int32_t)number;
    }
    return CIM_OK;
}

cim_status
host_parcels_begin(const char *text, struct host_parcels *ret_parcels, cim_error *err)
{
    struct host_parcels parcels = {.at = text};
    char line[HOST_PARCELS_LINE_MAX];
    bool there = true;
    bool in_settings = false;
    if (strncmp(text, "\xef\xbb\xbf", 3) == 0) {
        parcels.at += 3;
    }
    for (;;) {
        CIM_TRY(read_line(&parcels, line, &there, err));
        if (!there) {
            return wrong(&parcels, "file", NULL, "缺少 [地块坐标]", "[地块坐标] is missing", err);
        }
        if (strcmp(line, "[地块坐标]") == 0) {
            break;
        }
        if (line[0] == '[') {
            in_settings = strcmp(line, "[属性描述]") == 0;
        } else if (in_settings) {
            CIM_TRY(take_setting(&parcels, line, err));
        }
    }
    *ret_parcels = parcels;
    return CIM_OK;
}

int32_t
host_parcels_epsg(const struct host_parcels *parcels)
{
    enum { ZONE3 = 25, ZONE6 = 13, N3 = 21, N6 = 11 };
    /* First zone of 3 degrees with and without the zone in the easting, then of 6 degrees. */
    static const struct {
        const char *part; /* of the system's name */
        int32_t codes[4];
    } systems[] = {
        {"2000", {4513, 4534, 4491, 4502}},
        {"80", {2349, 2370, 2327, 2338}},
        {"54", {2401, 2422, 21413, 21453}},
    };
    const bool wide = parcels->zone_width == 6;
    const int32_t first = wide ? ZONE6 : ZONE3;
    const int32_t n = wide ? N6 : N3;
    if (parcels->zone_width == 0 || parcels->zone < first || parcels->zone >= first + n) {
        return 0;
    }
    for (size_t i = 0; i < sizeof systems / sizeof systems[0]; i++) {
        if (strstr(parcels->system, systems[i].part) != NULL) {
            return systems[i].codes[(wide ? 2 : 0) + (parcels->has_zone_prefix ? 0 : 1)] +
                   parcels->zone - first;
        }
    }
    return 0;
}

/* ---- parcels ---- */

static int
split(char *line, const char **ret_fields, int max)
{
    int n = 0;
    char *at = line;
    while (n < max) {
        char *comma = strchr(at, ',');
        ret_fields[n++] = at;
        if (comma == NULL) {
            break;
        }
        *comma = '\0';
        at = comma + 1;
    }
    return n;
}

static cim_status
add_point(struct host_parcels *parcels, struct host_parcel *parcel,
          const struct host_parcel_point *point, cim_error *err)
{
    if (parcel->n_points == parcel->capacity) {
        const size_t capacity = parcel->capacity == 0 ? 64 : parcel->capacity * 2;
        struct host_parcel_point *grown = NULL;
        if (parcel->n_points >= HOST_PARCELS_POINTS_MAX) {
            return wrong(parcels, "file", NULL, "地块的界址点过多", "too many points", err);
        }
        grown = realloc(parcel->points, capacity * sizeof *grown);
        if (grown == NULL) {
            return cim_fail_nomem(err);
        }
        parcel->points = grown;
        parcel->capacity = capacity;
    }
    parcel->points[parcel->n_points++] = *point;
    return CIM_OK;
}

/* An easting begins with the zone that the head names, or with none, all through the file. */
static cim_status
check_zone(struct host_parcels *parcels, const struct host_parcel_point *point, bool is_first,
           const char *text, cim_error *err)
{
    const bool has_prefix = point->east_m >= ZONE_M;
    const int32_t zone =
        has_prefix && point->east_m < 100.0 * ZONE_M ? (int32_t)(point->east_m / ZONE_M) : 0;
    if (is_first) {
        parcels->has_zone_prefix = has_prefix;
    }
    if (has_prefix != parcels->has_zone_prefix) {
        return wrong(parcels, "Y", text, "有的坐标带带号，有的不带",
                     "some eastings carry the zone, others do not", err);
    }
    if (has_prefix && parcels->zone != 0 && zone != parcels->zone) {
        return wrong(parcels, "Y", text,
                     "横坐标的带号与文件头的带号不符（X 应为纵坐标，Y 应为横坐标）",
                     "the zone in the easting is another than the head names (expected X northing, "
                     "Y easting)",
                     err);
    }
    return CIM_OK;
}

static cim_status
take_point(struct host_parcels *parcels, struct host_parcel *parcel, char *line, cim_error *err)
{
    const char *fields[POINT_FIELDS + 1] = {NULL};
    const int n = split(line, fields, POINT_FIELDS + 1);
    struct host_parcel_point point;
    double ring = 0;
    if (n < POINT_FIELDS) {
        return wrong(parcels, "界址点", line, "应为 点号,圈号,X,Y", "expected point,ring,X,Y", err);
    }
    if (!read_number(fields[1], &ring) || ring < 0 || ring > 10000 || ring != floor(ring)) {
        return wrong(parcels, "圈号", fields[1], "圈号应为整数", "ring: expected an integer", err);
    }
    if (!read_number(fields[2], &point.north_m)) {
        return wrong(parcels, "X", fields[2], "X 应为数字（米）", "X: expected a number (metres)",
                     err);
    }
    if (!read_number(fields[3], &point.east_m)) {
        return wrong(parcels, "Y", fields[3], "Y 应为数字（米）", "Y: expected a number (metres)",
                     err);
    }
    point.ring = (int32_t)ring;
    CIM_TRY(
        check_zone(parcels, &point, parcels->parcel == 1 && parcel->n_points == 0, fields[3], err));
    return add_point(parcels, parcel, &point, err);
}

static bool
ends_ring(const struct host_parcel *parcel, size_t first, size_t at)
{
    return at > first && parcel->points[at].north_m == parcel->points[first].north_m &&
           parcel->points[at].east_m == parcel->points[first].east_m;
}

/* Programs count the closing point of a ring or do not; anything else means that points were lost.
 */
static cim_status
check_count(struct host_parcels *parcels, const struct host_parcel *parcel, cim_error *err)
{
    const char *text = parcel->fields[FIELD_POINTS];
    double declared = 0;
    size_t n_closing = 0;
    size_t first = 0;
    for (size_t i = 0; i < parcel->n_points; i++) {
        if (parcel->points[i].ring != parcel->points[first].ring) {
            first = i;
        }
        n_closing += ends_ring(parcel, first, i) ? 1 : 0;
    }
    if (!read_number(text, &declared) || ((double)parcel->n_points != declared &&
                                          (double)(parcel->n_points - n_closing) != declared)) {
        return cim_fail(
            err, CIM_E_INVALID, "界址点数", text,
            "第 %d 个地块（至第 %d 行）：应有 %s 个界址点，读出 %zu 个（含闭合点）",
            "parcel %d (up to line %d): its head names %s points, %zu were read (closing "
            "ones counted)",
            (int)parcels->parcel, (int)parcels->line, text, parcel->n_points);
    }
    return CIM_OK;
}

static cim_status
take_head(struct host_parcels *parcels, struct host_parcel *parcel, cim_error *err)
{
    const size_t len = strlen(parcel->line);
    const char *shape = NULL;
    int n = 0;
    if (len < 2 || strcmp(parcel->line + len - 2, ",@") != 0) {
        return wrong(parcels, "地块", parcel->line, "地块的首行应以 ,@ 结束",
                     "the first line of a parcel: expected to end with ,@", err);
    }
    parcel->line[len - 2] = '\0';
    for (int i = 0; i < HOST_PARCELS_FIELDS_MAX; i++) {
        parcel->fields[i] = "";
    }
    n = split(parcel->line, parcel->fields, HOST_PARCELS_FIELDS_MAX);
    shape = n > FIELD_SHAPE ? parcel->fields[FIELD_SHAPE] : "面";
    parcel->shape = strcmp(shape, "线") == 0   ? HOST_PARCEL_LINE
                    : strcmp(shape, "点") == 0 ? HOST_PARCEL_POINT
                                               : HOST_PARCEL_AREA;
    return CIM_OK;
}

cim_status
host_parcels_next(struct host_parcels *parcels, struct host_parcel *parcel, bool *ret_there,
                  cim_error *err)
{
    bool there = false;
    parcel->n_points = 0;
    CIM_TRY(read_line(parcels, parcel->line, &there, err));
    if (!there) {
        *ret_there = false;
        return CIM_OK;
    }
    parcels->parcel++;
    CIM_TRY(take_head(parcels, parcel, err));
    for (;;) {
        char line[HOST_PARCELS_LINE_MAX];
        const struct host_parcels before = *parcels;
        CIM_TRY(read_line(parcels, line, &there, err));
        if (!there || strchr(line, '@') != NULL) {
            parcels->at = before.at; /* the next parcel's */
            parcels->line = before.line;
            break;
        }
        CIM_TRY(take_point(parcels, parcel, line, err));
    }
    CIM_TRY(check_count(parcels, parcel, err));
    *ret_there = true;
    return CIM_OK;
}
