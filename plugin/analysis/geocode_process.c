/* plugin/analysis/geocode_process.c -- lpg.geocode and lpg.reverse-geocode: inputs in, JSON out. */
#include "analysis/geocode.h"

#include "analysis/json_io.h"
#include "cim/util.h"
#include "kit/cleanup.h"
#include "kit/json.h"

#include <math.h>

enum { RESULT_BYTES_MAX = 32 << 20, PROGRESS_EVERY = 256 };

static const double anywhere[4] = {-180.0, -90.0, 180.0, 90.0};

/* ---- writing ---- */

static const char *
text_of(const struct lpg_gazetteer_view *view, int part, uint32_t record)
{
    const struct lpg_sites *sites = view->parts[part].view.sites;
    return sites->text + sites->facts[record].name;
}

static void
write_record(const struct lpg_gazetteer_view *view, int part, uint32_t record, struct cim_buf *out)
{
    const struct lpg_sites *sites = view->parts[part].view.sites;
    lpg_out_text(out, "layer", view->parts[part].layer);
    lpg_out_text(out, "uid", sites->text + sites->facts[record].uid);
    lpg_out_text(out, "text", text_of(view, part, record));
}

static void
write_area(const struct lpg_area_names *names, int32_t area, struct cim_buf *out)
{
    lpg_out_text(out, "area_code", area >= 0 ? lpg_area_names_code(names, area) : NULL);
    lpg_out_text(out, "area_name", area >= 0 ? lpg_area_names_text(names, area) : NULL);
}

static void
write_parts(const struct lpg_area_names *names, const struct lpg_address *address,
            struct cim_buf *out)
{
    const struct {
        const char *key;
        const char *text;
    } parts[] = {{"town", address->town},   {"community", address->community},
                 {"group", address->group}, {"road", address->road},
                 {"lane", address->lane},   {"door_sub", address->door_sub},
                 {"name", address->name},   {"building", address->building},
                 {"unit", address->unit},   {"floor", address->floor},
                 {"room", address->room}};
    lpg_out_key(out, "parts");
    cim_buf_add_char(out, '{');
    if (address->area >= 0) {
        write_area(names, address->area, out);
    }
    if (address->door >= 0) {
        lpg_out_int(out, "door", address->door);
    }
    if (address->door_to >= 0) {
        lpg_out_int(out, "door_to", address->door_to);
    }
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        if (parts[i].text[0] != '\0') {
            lpg_out_text(out, parts[i].key, parts[i].text);
        }
    }
    cim_buf_add_char(out, '}');
}

static void
write_candidate(const struct lpg_gazetteer_view *view, const struct lpg_candidate *candidate,
                struct cim_buf *out)
{
    lpg_out_text(out, "grade", lpg_grade_names[candidate->grade]);
    lpg_out_six(out, "score", candidate->score);
    lpg_out_key(out, "error_m");
    cim_buf_add_fixed(out, candidate->error_m, 0);
    write_area(view->names, candidate->area, out);
    if (candidate->area_differs) {
        lpg_out_flag(out, "area_differs", true);
    }
    write_record(view, candidate->part, candidate->record, out);
}

static void
write_match(const struct lpg_gazetteer_view *view, size_t i, const char *text,
            const struct lpg_geocoded *geocoded, int n_candidates, struct cim_buf *out)
{
    CIM_AUTO_BUF struct cim_buf standard;
    cim_buf_init(&standard, 4096);
    cim_buf_add(&standard, "", 0);
    lpg_address_write(view->names, &geocoded->address, &standard);
    lpg_out_next(out);
    cim_buf_add_text(out, "{\"type\":\"Feature\"");
    if (geocoded->n > 0) {
        lpg_out_point(out, "geometry", geocoded->candidates[0].lonlat_deg);
    } else {
        cim_buf_add_text(out, ",\"geometry\":null");
    }
    lpg_out_key(out, "properties");
    cim_buf_add_char(out, '{');
    lpg_out_int(out, "index", (int64_t)i);
    lpg_out_text(out, "address", text);
    lpg_out_text(out, "standard", standard.data);
    lpg_out_text(out, "match", lpg_geocoded_grade(geocoded));
    if (geocoded->n > 0) {
        write_candidate(view, &geocoded->candidates[0], out);
    } else {
        write_area(view->names, geocoded->address.area, out);
    }
    lpg_out_flag(out, "area_conflict", geocoded->conflicts);
    lpg_out_text(out, "not_understood", geocoded->address.rest);
    write_parts(view->names, &geocoded->address, out);
    lpg_out_key(out, "candidates");
    cim_buf_add_char(out, '[');
    for (int k = 0; k < geocoded->n && k < n_candidates; k++) {
        lpg_out_next(out);
        cim_buf_add_char(out, '{');
        lpg_out_point(out, "point", geocoded->candidates[k].lonlat_deg);
        write_candidate(view, &geocoded->candidates[k], out);
        cim_buf_add_char(out, '}');
    }
    cim_buf_add_text(out, "]}}");
}

/* ---- lpg.geocode ---- */

/* One text, or a list of them. */
static size_t
n_of(struct json_object *given)
{
    return json_object_is_type(given, json_type_array) ? json_object_array_length(given) : 1;
}

static struct json_object *
item_of(struct json_object *given, size_t i)
{
    return json_object_is_type(given, json_type_array) ? json_object_array_get_idx(given, i)
                                                       : given;
}

static cim_status
read_bias(const struct lpg_area_names *names, struct json_object *inputs, int32_t *ret_bias,
          cim_error *err)
{
    struct json_object *area = lpg_in_member(inputs, "area");
    *ret_bias = -1;
    if (area != NULL) {
        *ret_bias = lpg_area_names_of_code(names, json_object_get_string(area));
        if (*ret_bias < 0) {
            return cim_fail(err, CIM_E_INVALID, "area", json_object_get_string(area),
                            "区划树中没有这个代码", "the area tree has no such code");
        }
    }
    return CIM_OK;
}

static void
write_counts(const int64_t counts[LPG_GRADES + 1], struct cim_buf *out)
{
    cim_buf_add_text(out, "\"counts\":{");
    for (int i = 0; i <= LPG_GRADES; i++) {
        if (counts[i] > 0) {
            lpg_out_int(out, lpg_grade_names[i], counts[i]);
        }
    }
    cim_buf_add_char(out, '}');
}

static cim_status
geocode_all(struct lpg_gazetteer_view *view, const cim_call *call, cim_job *job,
            struct json_object *inputs, struct cim_buf *out, cim_error *err)
{
    struct json_object *given = lpg_in_member(inputs, "address");
    int64_t counts[LPG_GRADES + 1] = {0};
    double n_candidates = 5.0;
    int32_t bias = -1;
    CIM_TRY(lpg_in_number(inputs, "candidates", 0.0, LPG_CANDIDATES_MAX, &n_candidates, err));
    CIM_TRY(read_bias(view->names, inputs, &bias, err));
    cim_buf_add_text(out, "{\"matches\":{\"type\":\"FeatureCollection\",\"features\":[");
    for (size_t i = 0; i < n_of(given); i++) {
        const char *text = json_object_get_string(item_of(given, i));
        struct lpg_geocoded geocoded;
        if (text == NULL) {
            return cim_fail(err, CIM_E_INVALID, "address", "null", "应为地址文字",
                            "expected the text of an address");
        }
        lpg_geocode(view, bias, text, strlen(text), &geocoded);
        counts[geocoded.ambiguous ? LPG_GRADES : (int)geocoded.grade]++;
        write_match(view, i, text, &geocoded, (int)n_candidates, out);
        if (i % PROGRESS_EVERY == PROGRESS_EVERY - 1) {
            CIM_TRY(cim_heed_cancel(call, err));
            if (job != NULL) {
                job->progress(job, (double)i / (double)n_of(given), "匹配地址", "matching");
            }
        }
    }
    cim_buf_add_text(out, "]},");
    write_counts(counts, out);
    cim_buf_add_char(out, '}');
    return cim_buf_status(out, err);
}

/* ---- lpg.reverse-geocode ---- */

static void
write_nearby(const struct lpg_gazetteer_view *view, const char *key,
             const struct lpg_nearby *nearby, struct cim_buf *out)
{
    lpg_out_key(out, key);
    if (isnan(nearby->distance_m)) {
        cim_buf_add_text(out, "null");
        return;
    }
    cim_buf_add_char(out, '{');
    lpg_out_m(out, "distance_m", nearby->distance_m);
    lpg_out_point(out, "point", nearby->lonlat_deg);
    write_record(view, nearby->part, nearby->record, out);
    if (view->parts[nearby->part].kind == LPG_NAMES_ROADS) {
        lpg_out_key(out, "chainage_m");
        cim_buf_add_fixed(out, nearby->chainage_m, 1);
        lpg_out_text(out, "side",
                     nearby->side == 'L'   ? "left"
                     : nearby->side == 'R' ? "right"
                                           : "on");
    }
    cim_buf_add_char(out, '}');
}

/* What people would write of it: the door, else the road, else the area. */
static void
write_address(const struct lpg_gazetteer_view *view, const struct lpg_reversed *reversed,
              struct cim_buf *out)
{
    CIM_AUTO_BUF struct cim_buf text;
    struct lpg_address address;
    const struct lpg_nearby *door = &reversed->door;
    cim_buf_init(&text, 4096);
    cim_buf_add(&text, "", 0);
    lpg_address_parse(view->names, -1, "", 0, &address);
    if (!isnan(door->distance_m)) {
        const char *said = text_of(view, door->part, door->record);
        lpg_address_parse(view->names, -1, said, strlen(said), &address);
    } else if (!isnan(reversed->road.distance_m)) {
        const char *said = text_of(view, reversed->road.part, reversed->road.record);
        lpg_address_parse(view->names, -1, said, strlen(said), &address);
    }
    if (address.area < 0) {
        address.area = reversed->area;
    }
    lpg_address_write(view->names, &address, &text);
    lpg_out_text(out, "address", text.data);
}

/* Of a list as of one. */
static cim_status
read_point(struct json_object *point, double ret_lonlat_deg[2], cim_error *err)
{
    struct json_object *inputs = json_object_new_object();
    if (inputs == NULL) {
        return cim_fail_nomem(err);
    }
    (void)json_object_object_add(inputs, "point", json_object_get(point));
    const cim_status status = lpg_in_point(inputs, "point", ret_lonlat_deg, err);
    (void)json_object_put(inputs);
    return status;
}

static cim_status
reverse_all(struct lpg_gazetteer_view *view, struct json_object *inputs, struct cim_buf *out,
            cim_error *err)
{
    struct json_object *given = lpg_in_member(inputs, "point");
    cim_buf_add_text(out, "{\"places\":[");
    for (size_t i = 0; i < n_of(given); i++) {
        struct lpg_reversed reversed;
        double lonlat_deg[2];
        CIM_TRY(read_point(item_of(given, i), lonlat_deg, err));
        lpg_reverse(view, lonlat_deg, &reversed);
        lpg_out_next(out);
        cim_buf_add_char(out, '{');
        lpg_out_point(out, "point", lonlat_deg);
        write_address(view, &reversed, out);
        write_area(view->names, reversed.area, out);
        write_nearby(view, "door", &reversed.door, out);
        write_nearby(view, "place", &reversed.place, out);
        write_nearby(view, "road", &reversed.road, out);
        cim_buf_add_char(out, '}');
    }
    cim_buf_add_text(out, "]}");
    return cim_buf_status(out, err);
}

/* ---- both ---- */

static cim_status
answer(struct lpg_gazetteer *gazetteer, const cim_call *call, cim_job *job, const char *inputs_json,
       bool reverse, cim_blob *ret_result, cim_error *err)
{
    struct json_object *inputs = NULL;
    struct lpg_gazetteer_view view = {0};
    CIM_AUTO_BUF struct cim_buf out;
    cim_status status;
    cim_buf_init(&out, RESULT_BYTES_MAX);
    CIM_TRY(cim_json_parse("inputs", inputs_json, strlen(inputs_json), &inputs, err));
    status = lpg_gazetteer_open(gazetteer, call, anywhere, &view, err);
    if (status == CIM_OK) {
        status = reverse ? reverse_all(&view, inputs, &out, err)
                         : geocode_all(&view, call, job, inputs, &out, err);
        lpg_gazetteer_done(&view);
    }
    (void)json_object_put(inputs);
    CIM_TRY(status);
    cim_buf_to_blob(&out, ret_result);
    return CIM_OK;
}

cim_status
lpg_geocode_answer(struct lpg_gazetteer *gazetteer, const cim_call *call, cim_job *job,
                   const char *inputs_json, cim_blob *ret_result, cim_error *err)
{
    return answer(gazetteer, call, job, inputs_json, false, ret_result, err);
}

cim_status
lpg_reverse_answer(struct lpg_gazetteer *gazetteer, const cim_call *call, cim_job *job,
                   const char *inputs_json, cim_blob *ret_result, cim_error *err)
{
    return answer(gazetteer, call, job, inputs_json, true, ret_result, err);
}
