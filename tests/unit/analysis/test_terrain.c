/* lpg.density and lpg.viewshed: masses that add up, kernels as written, terrain made for the test
 * and looked at along straight lines. */
#include "features_fixture.h"
#include "terrain_fixture.h"

#include <cpl_conv.h>
#include <cpl_vsi.h>
#include <gdal.h>
#include <ogr_srs_api.h>
#include <openssl/evp.h>
#include <stdlib.h>

/* ---- density ---- */

static void
add_schools(struct fixture *fixture, uint64_t *seed, int n)
{
    for (int i = 0; i < n; i++) {
        struct element school = {.number = i + 1, .kind = "school", .persons = 1 + i % 7};
        offset(random_between(seed, -3000, 3000), random_between(seed, -3000, 3000), school.lonlat);
        add_elements(fixture, &school, 1);
    }
}

/* The grid's numbers, from the GeoTIFF that came in base64; their sum times the cell's km². */
static double
mass_of_raster(const char *base64, int *ret_columns)
{
    const size_t len = strlen(base64);
    unsigned char *bytes = malloc(len);
    VSILFILE *file = VSIFileFromMemBuffer(
        "/vsimem/test-density.tif", bytes,
        (vsi_l_offset)EVP_DecodeBlock(bytes, (const unsigned char *)base64, (int)len), 0);
    GDALDatasetH raster;
    double place[6];
    double mass = 0.0;
    assert_non_null(file);
    (void)VSIFCloseL(file);
    raster = GDALOpen("/vsimem/test-density.tif", GA_ReadOnly);
    assert_non_null(raster);
    assert_int_equal(GDALGetGeoTransform(raster, place), CE_None);
    assert_true(strstr(GDALGetProjectionRef(raster), "China_2000") != NULL ||
                strstr(GDALGetProjectionRef(raster), "China Geodetic") != NULL);
    *ret_columns = GDALGetRasterXSize(raster);
    for (int row = 0; row < GDALGetRasterYSize(raster); row++) {
        double line[4096];
        assert_true(*ret_columns <= 4096);
        assert_int_equal(GDALRasterIO(GDALGetRasterBand(raster, 1), GF_Read, 0, row, *ret_columns,
                                      1, line, *ret_columns, 1, GDT_Float64, 0, 0),
                         CE_None);
        for (int i = 0; i < *ret_columns; i++) {
            mass += line[i] * place[1] * -place[5] / 1e6;
        }
    }
    GDALClose(raster);
    (void)VSIUnlink("/vsimem/test-density.tif");
    free(bytes);
    return mass;
}

static void
test_nothing_is_lost(void **state)
{
    static const char *const kernels[] = {"quartic", "epanechnikov", "gaussian"};
    static const double cells_m[] = {20, 137, 900}; /* the last wider than the bandwidth */
    struct fixture *fixture = *state;
    uint64_t seed = 5;
    add_schools(fixture, &seed, 60);
    for (int k = 0; k < 3; k++) {
        for (int c = 0; c < 3; c++) {
            char inputs[256];
            struct json_object *answer;
            int columns = 0;
            double weights;
            (void)snprintf(inputs, sizeof inputs,
                           "{\"features\":\"lpg.risk-elements\",\"weight_field\":\"persons\","
                           "\"bandwidth_m\":500,\"cell_m\":%g,\"kernel\":\"%s\",\"raster\":true}",
                           cells_m[c], kernels[k]);
            answer = task(fixture, lpg_density_task, inputs);
            weights = number_at(answer, "total_weight");
            assert_true(weights == 234.0); /* 8 × (1 + … + 7) + 1 + 2 + 3 + 4 */
            assert_true(fabs(number_at(answer, "mass") - weights) < 1e-3);
            assert_true(fabs(mass_of_raster(text_at(answer, "raster"), &columns) - weights) <
                        weights * 1e-5);
            assert_int_equal(columns, (int)number_at(answer, "grid.columns"));
            (void)json_object_put(answer);
        }
    }
}

/* One point of weight 10 within 1000 m: quartic 3 w / (π b²), and the levels as circles. */
static void
test_one_kernel(void **state)
{
    struct fixture *fixture = *state;
    struct json_object *answer =
        task(fixture, lpg_density_task,
             "{\"features\":{\"type\":\"FeatureCollection\",\"features\":[{\"type\":\"Feature\","
             "\"properties\":{\"w\":10},\"geometry\":{\"type\":\"Point\",\"coordinates\":[110.2,19."
             "95]}}]"
             "},\"weight_field\":\"w\",\"bandwidth_m\":1000,\"cell_m\":10,\"levels\":[4.774648]}");
    const double peak = 30.0 / 3.14159265358979;
    const double band_m2 = number_at(answer, "bands.features.0.properties.area_m2");
    assert_true(fabs(number_at(answer, "peak_per_km2") - peak) < peak * 1e-3);
    /* half of the peak is where (1 - s)² = 1/2: s = 1 - 1/√2 of b² */
    assert_true(fabs(band_m2 - 3.14159265 * 1e6 * (1.0 - sqrt(0.5))) < band_m2 * 2e-3);
    assert_int_equal(json_object_array_length(at(answer, "bands.features")), 1);
    struct json_object *band = at(answer, "bands.features.0.properties");
    assert_null(json_object_object_get(band, "to_per_km2")); /* nothing ends it */
    (void)json_object_put(answer);
}

static void
test_density_refusals(void **state)
{
    static const struct {
        const char *more;
        cim_status code;
        const char *param;
    } rows[] = {{"", CIM_E_INVALID, "bandwidth_m"},
                {",\"bandwidth_m\":0", CIM_E_INVALID, "bandwidth_m"},
                {",\"bandwidth_m\":1000,\"cell_m\":1", CIM_E_TOO_LARGE, "cell_m"},
                {",\"bandwidth_m\":1000,\"weight_field\":\"no\"", CIM_E_INVALID, "weight_field"},
                {",\"bandwidth_m\":1000,\"weight_field\":\"minus\"", CIM_E_INVALID, "weight_field"},
                {",\"bandwidth_m\":1000,\"levels\":[2,1]", CIM_E_INVALID, "levels"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char inputs[512];
        (void)snprintf(inputs, sizeof inputs,
                       "{\"features\":{\"type\":\"FeatureCollection\",\"features\":[{\"type\":"
                       "\"Feature\",\"properties\":{\"minus\":-1},\"geometry\":{\"type\":\"Point\","
                       "\"coordinates\":[110.2,19.95]}}]}%s}",
                       rows[i].more);
        assert_refused(*state, lpg_density_task, inputs, rows[i].code, rows[i].param, "");
    }
}

/* ---- viewshed ---- */

static bool
sees(struct json_object *answer, double east_m, double north_m)
{
    double p[2];
    offset(east_m, north_m, p);
    return in_geometry(at(answer, "visible"), p);
}

static struct json_object *
look(struct fixture *fixture, double wall_m)
{
    make_terrain(fixture, wall_m);
    return task(fixture, lpg_viewshed_task,
                "{\"point\":{\"type\":\"Point\",\"coordinates\":[110.20,19.95]},\"observer_m\":10,"
                "\"target_m\":0,\"radius_m\":4000,\"cell_m\":20}");
}

static void
test_what_a_wall_hides(void **state)
{
    struct fixture *fixture = *state;
    struct json_object *high = look(fixture, 50.0);
    struct json_object *low;
    for (int angle = 0; angle < 360; angle += 15) {
        for (double m = 100; m < 3900; m += 240) {
            const double east_m = m * cos(angle * 0.017453292519943295);
            const double north_m = m * sin(angle * 0.017453292519943295);
            if (east_m < 940.0) {
                assert_true(sees(high, east_m, north_m));
            } else if (east_m > 1120.0) {
                assert_false(sees(high, east_m, north_m));
            }
        }
    }
    assert_true(number_at(high, "visible_m2") < number_at(high, "in_reach_m2"));
    assert_true(fabs(number_at(high, "in_reach_m2") - 3.14159 * 16e6) < 16e6 * 0.02);
    assert_true(number_at(high, "without_height_m2") == 0.0);
    assert_string_equal(text_at(high, "sources.0.input"), "lpg.dem");
    /* over a wall of 5 m the eye at 10 m sees the ground again from about 2 km on */
    low = look(fixture, 5.0);
    assert_false(sees(low, 1400, 0));
    assert_false(sees(low, 1800, 0));
    assert_true(sees(low, 2500, 0));
    assert_true(sees(low, 3500, 0));
    (void)json_object_put(high);
    (void)json_object_put(low);
}

static void
test_viewshed_refusals(void **state)
{
    struct fixture *fixture = *state;
    fixture->fake->raster[0] = '\0';
    assert_refused(fixture, lpg_viewshed_task,
                   "{\"point\":{\"type\":\"Point\",\"coordinates\":[110.2,19.95]}}", CIM_E_STATE,
                   "lpg.dem", "administrator");
    make_terrain(fixture, 5.0);
    assert_refused(fixture, lpg_viewshed_task,
                   "{\"point\":{\"type\":\"Point\",\"coordinates\":[112,19.95]}}", CIM_E_INVALID,
                   "point", "outside");
    assert_refused(fixture, lpg_viewshed_task,
                   "{\"point\":{\"type\":\"Point\",\"coordinates\":[110.2,19.95]},"
                   "\"radius_m\":50000,\"cell_m\":1}",
                   CIM_E_TOO_LARGE, "cell_m", "larger cells");
    assert_refused(fixture, lpg_viewshed_task, "{}", CIM_E_INVALID, "point", "Point");
    fixture->fake->raster[0] = '\0';
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_nothing_is_lost, fixture_clear),
        cmocka_unit_test(test_one_kernel), cmocka_unit_test(test_density_refusals),
        cmocka_unit_test(test_what_a_wall_hides), cmocka_unit_test(test_viewshed_refusals)};
    return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
