/* Files that lie, are cut off, or mean harm: refused with words, nothing reaches the layer whole.
 */
#include "fake_layer.h"

#include "host/exchange/source.h"

#include <cpl_vsi.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int
setup(void **state)
{
    *state = fake_layer_new("Point");
    return 0;
}

static int
teardown(void **state)
{
    fake_layer_free(*state);
    return 0;
}

static void
expect_refused(struct fake_layer *fake, const char *path, cim_status expected, const char *part)
{
    struct host_import_report report;
    cim_error error = {0};
    assert_int_equal(fake_import(fake, path, NULL, &report, &error), expected);
    assert_contains(error.en, part);
    assert_true(error.zh[0] != '\0');
    assert_int_equal(report.n_written, 0);
    host_import_report_done(&report);
}

static void
patch(const struct fake_layer *fake, const char *name, long at, const char *bytes, size_t len)
{
    FILE *file = fopen(fake_path(fake, name), "r+b");
    assert_non_null(file);
    assert_int_equal(fseek(file, at, SEEK_SET), 0);
    assert_int_equal(fwrite(bytes, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

static void
test_shapefile_parts_that_are_cut_or_lie(void **state)
{
    struct fake_layer *fake = *state;
    const char *path = NULL;
    fake_shapefile(fake, "s", 50, "a", true);
    path = fake_path(fake, "s.shp");
    assert_int_equal(truncate(path, 700), 0);
    expect_refused(fake, path, CIM_E_INVALID, ".shp file of the Shapefile is damaged");
    fake_shapefile(fake, "t", 50, "a", true);
    assert_int_equal(truncate(fake_path(fake, "t.dbf"), 300), 0);
    expect_refused(fake, fake_path(fake, "t.shp"), CIM_E_INVALID, ".dbf file");
    fake_shapefile(fake, "u", 50, "a", true);
    patch(fake, "u.dbf", 4, "\x05\0\0\0", 4);
    expect_refused(fake, fake_path(fake, "u.shp"), CIM_E_INVALID, "50 shapes in .shx, 5 records");
    fake_shapefile(fake, "v", 5, "a", true);
    assert_int_equal(unlink(fake_path(fake, "v.dbf")), 0);
    expect_refused(fake, fake_path(fake, "v.shp"), CIM_E_INVALID,
                   ".dbf file of the Shapefile is "
                   "missing");
    fake_shapefile(fake, "w", 5, "a", true);
    /* The index points far past the end of the shapes. */
    patch(fake, "w.shx", 100 + 8 * 3, "\x7f\xff\xff\x00", 4);
    expect_refused(fake, fake_path(fake, "w.shp"), CIM_E_INVALID, "damaged");
    fake_shapefile(fake, "x", 5, "a", true);
    /* A record that says it is two gigabytes long. */
    patch(fake, "x.shx", 100 + 8 * 2 + 4, "\x3f\xff\xff\xff", 4);
    expect_refused(fake, fake_path(fake, "x.shp"), CIM_E_INVALID, "Invalid length");
}

static void
test_every_truncation_is_refused_or_whole(void **state)
{
    struct fake_layer *fake = *state;
    static const char whole[] =
        "{\"type\":\"FeatureCollection\",\"features\":["
        "{\"type\":\"Feature\",\"properties\":{\"name\":\"a\"},\"geometry\":{\"type\":\"Point\","
        "\"coordinates\":[110,20]}},"
        "{\"type\":\"Feature\",\"properties\":{\"name\":\"b\"},\"geometry\":{\"type\":\"Point\","
        "\"coordinates\":[111,20]}}]}";
    for (size_t len = 1; len < sizeof whole - 1; len += 3) {
        struct host_import_report report;
        cim_error error = {0};
        fake_write(fake, "t.json", whole, len);
        if (fake_import(fake, fake_path(fake, "t.json"), NULL, &report, &error) == CIM_OK) {
            fail_msg("the first %zu bytes of a file were taken as whole", len);
        }
        assert_true(error.en[0] != '\0');
        host_import_report_done(&report);
    }
}

static void
test_paths_that_are_no_plain_files(void **state)
{
    struct fake_layer *fake = *state;
    const char *link = fake_path(fake, "link.json");
    assert_int_equal(symlink("/etc/hostname", link), 0);
    expect_refused(fake, link, CIM_E_INVALID, "regular file");
    expect_refused(fake, fake->dir, CIM_E_INVALID, "regular file");
    expect_refused(fake, "/dev/zero", CIM_E_INVALID, "regular file");
    expect_refused(fake, "/vsicurl/http://127.0.0.1:1/x.geojson", CIM_E_NOTFOUND,
                   "cannot be opened");
    expect_refused(fake, "relative.json", CIM_E_INVALID, "absolute path");
    fake_write(fake, "empty.json", "", 0);
    expect_refused(fake, fake_path(fake, "empty.json"), CIM_E_INVALID, "empty");
    /* A sidecar that is a link would pull another file in. */
    fake_shapefile(fake, "s", 2, "a", true);
    assert_int_equal(unlink(fake_path(fake, "s.prj")), 0);
    assert_int_equal(symlink("/etc/hostname", fake_path(fake, "s.prj")), 0);
    expect_refused(fake, fake_path(fake, "s.shp"), CIM_E_INVALID, "regular file");
}

static void
test_other_formats_are_refused(void **state)
{
    static const struct {
        const char *text;
        cim_status expected;
        const char *part;
    } files[] = {
        {"<OGRVRTDataSource><OGRVRTLayer name=\"x\"><SrcDataSource>/etc/passwd</SrcDataSource>"
         "</OGRVRTLayer></OGRVRTDataSource>\n",
         CIM_E_UNSUPPORTED, "not a known format"},
        {"\x7f"
         "ELF\x01\x02\x03\x04\x05\x06",
         CIM_E_UNSUPPORTED, "not a known format"},
        {"[1,2,3]\n", CIM_E_UNSUPPORTED, "not a known format"},
        {"{\"type\":\"Topology\",\"objects\":{}}", CIM_E_INVALID, "cannot be read as GeoJSON"},
        {"SQLite format 3", CIM_E_UNSUPPORTED, "not a known format"},
        {"PK\003\004 but nothing more", CIM_E_INVALID, "archive"},
        {"AC1027\0\0\0\0", CIM_E_UNSUPPORTED, "save it as ASCII DXF"},
        {"AutoCAD Binary DXF\r\n", CIM_E_UNSUPPORTED, "binary DXF"},
        {"\xd0\xcf\x11\xe0\xa1\xb1", CIM_E_UNSUPPORTED, "save tables as .xlsx"},
        {"Rar!\x1a", CIM_E_UNSUPPORTED, "use zip"},
        {"%PDF-1.7", CIM_E_UNSUPPORTED, "ask for the data"},
    };
    struct fake_layer *fake = *state;
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        fake_write(fake, "f.geojson", files[i].text, strlen(files[i].text));
        expect_refused(fake, fake_path(fake, "f.geojson"), files[i].expected, files[i].part);
    }
}

static void
zip_bytes(const struct fake_layer *fake, const char *zip, const char *entry, const void *data,
          size_t len)
{
    char path[512];
    VSILFILE *file = NULL;
    (void)snprintf(path, sizeof path, "/vsizip/%s/%s", fake_path(fake, zip), entry);
    file = VSIFOpenL(path, "wb");
    assert_non_null(file);
    assert_int_equal(VSIFWriteL(data, 1, len, file), len);
    assert_int_equal(VSIFCloseL(file), 0);
}

static void
zip_file(const struct fake_layer *fake, const char *zip, const char *entry, const char *from)
{
    char *data = malloc(1 << 20);
    FILE *file = fopen(fake_path(fake, from), "rb");
    size_t len = 0;
    assert_non_null(data);
    assert_non_null(file);
    len = fread(data, 1, 1 << 20, file);
    assert_int_equal(fclose(file), 0);
    zip_bytes(fake, zip, entry, data, len);
    free(data);
}

static uint32_t
crc32_of(const unsigned char *data, size_t len)
{
    uint32_t crc = 0xffffffffU;
    for (size_t i = 0; i < len; i++) {
        crc ^= data[i];
        for (int bit = 0; bit < 8; bit++) {
            crc = (crc >> 1U) ^ ((crc & 1U) != 0 ? 0xedb88320U : 0U);
        }
    }
    return ~crc;
}

static void
put(unsigned char *to, uint32_t value, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        to[i] = (unsigned char)(value >> (8U * i));
    }
}

/* An archive of one stored entry, byte by byte: no writer lets such names pass. */
static void
raw_zip(const struct fake_layer *fake, const char *zip, const char *name, const char *data)
{
    unsigned char bytes[1024] = {0};
    const uint32_t name_len = (uint32_t)strlen(name);
    const uint32_t len = (uint32_t)strlen(data);
    const uint32_t crc = crc32_of((const unsigned char *)data, len);
    unsigned char *central = bytes + 30 + name_len + len;
    unsigned char *end = central + 46 + name_len;
    put(bytes, 0x04034b50, 4);
    put(bytes + 4, 20, 2);
    put(bytes + 14, crc, 4);
    put(bytes + 18, len, 4);
    put(bytes + 22, len, 4);
    put(bytes + 26, name_len, 2);
    memcpy(bytes + 30, name, name_len);
    memcpy(bytes + 30 + name_len, data, len);
    put(central, 0x02014b50, 4);
    put(central + 4, 20, 2);
    put(central + 6, 20, 2);
    put(central + 16, crc, 4);
    put(central + 20, len, 4);
    put(central + 24, len, 4);
    put(central + 28, name_len, 2);
    memcpy(central + 46, name, name_len);
    put(end, 0x06054b50, 4);
    put(end + 8, 1, 2);
    put(end + 10, 1, 2);
    put(end + 12, 46 + name_len, 4);
    put(end + 16, (uint32_t)(central - bytes), 4);
    fake_write(fake, zip, bytes, (size_t)(end + 22 - bytes));
}

static void
test_zipped_shapefile_is_read(void **state)
{
    struct fake_layer *fake = *state;
    struct host_import_options options = {.source_layer = "two"};
    struct host_import_report report;
    cim_error error = {0};
    fake_shapefile(fake, "s", 4, "a", true);
    zip_file(fake, "a.zip", "data/ONE.shp", "s.shp");
    zip_file(fake, "a.zip", "data/ONE.shx", "s.shx");
    zip_file(fake, "a.zip", "data/ONE.dbf", "s.dbf");
    zip_file(fake, "a.zip", "data/ONE.prj", "s.prj");
    zip_bytes(fake, "a.zip", "__MACOSX/data/._ONE.shp", "x", 1);
    zip_bytes(fake, "a.zip", "readme.txt", "x", 1);
    assert_ok(fake_import(fake, fake_path(fake, "a.zip"), NULL, &report, &error), &error);
    assert_int_equal(report.n_written, 4);
    host_import_report_done(&report);
    zip_file(fake, "a.zip", "two.shp", "s.shp");
    expect_refused(fake, fake_path(fake, "a.zip"), CIM_E_INVALID, "2 files to import");
    assert_int_equal(fake_import(fake, fake_path(fake, "a.zip"), &options, &report, &error),
                     CIM_E_INVALID);
    assert_contains(error.en, ".shx file of the Shapefile is missing");
    host_import_report_done(&report);
    options.source_layer = "one";
    assert_ok(fake_import(fake, fake_path(fake, "a.zip"), &options, &report, &error), &error);
    host_import_report_done(&report);
}

static void
test_archive_tricks_are_refused(void **state)
{
    struct fake_layer *fake = *state;
    static const char *const names[] = {"../../evil.geojson", "/etc/evil.geojson",
                                        "a/../../evil.geojson", "a\\..\\evil.geojson",
                                        "{x}.geojson"};
    char *zeros = calloc(1, 1 << 20);
    char path[512];
    VSILFILE *file = NULL;
    assert_non_null(zeros);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        raw_zip(fake, "climb.zip", names[i], "{}");
        expect_refused(fake, fake_path(fake, "climb.zip"), CIM_E_INVALID, "");
    }
    zip_bytes(fake, "none.zip", "readme.txt", "x", 1);
    expect_refused(fake, fake_path(fake, "none.zip"), CIM_E_INVALID, "no file to import");
    /* 200 MB of zeros in 200 KB. */
    (void)snprintf(path, sizeof path, "/vsizip/%s/bomb.csv", fake_path(fake, "bomb.zip"));
    file = VSIFOpenL(path, "wb");
    assert_non_null(file);
    for (int i = 0; i < 200; i++) {
        assert_int_equal(VSIFWriteL(zeros, 1, 1 << 20, file), 1 << 20);
    }
    assert_int_equal(VSIFCloseL(file), 0);
    free(zeros);
    expect_refused(fake, fake_path(fake, "bomb.zip"), CIM_E_TOO_LARGE, "times its size");
    fake_shapefile(fake, "s", 40, "abc", true);
    zip_file(fake, "cut.zip", "s.shp", "s.shp");
    zip_file(fake, "cut.zip", "s.shx", "s.shx");
    zip_file(fake, "cut.zip", "s.dbf", "s.dbf");
    patch(fake, "cut.zip", 120, "\xde\xad\xbe\xef\xde\xad\xbe\xef", 8);
    expect_refused(fake, fake_path(fake, "cut.zip"), CIM_E_INVALID, "");
}

/* At the limit a file is looked at, past it refused before that. */
static void
test_files_that_are_read_whole_have_a_limit(void **state)
{
    struct fake_layer *fake = *state;
    static const char head[] = "0\nSECTION\n";
    const size_t size = HOST_IMPORT_WHOLE_BYTES_MAX;
    char *drawing = malloc(size + 1);
    assert_non_null(drawing);
    memset(drawing, ' ', size + 1);
    memcpy(drawing, head, sizeof head - 1);
    fake_write(fake, "big.dxf", drawing, size);
    expect_refused(fake, fake_path(fake, "big.dxf"), CIM_E_INVALID, "the DXF is cut off");
    fake_write(fake, "big.dxf", drawing, size + 1);
    expect_refused(fake, fake_path(fake, "big.dxf"), CIM_E_TOO_LARGE, "at most 67108864 bytes");
    free(drawing);
}

static void
test_read_only_layer_and_no_geometry(void **state)
{
    struct fake_layer *fake = *state;
    fake_write(fake, "n.csv", "name,code\na,b\n", 14);
    expect_refused(fake, fake_path(fake, "n.csv"), CIM_E_INVALID, "holds no geometries");
    fake->layer.write = NULL;
    expect_refused(fake, fake_path(fake, "n.csv"), CIM_E_UNSUPPORTED, "read-only");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_shapefile_parts_that_are_cut_or_lie, setup, teardown),
        cmocka_unit_test_setup_teardown(test_every_truncation_is_refused_or_whole, setup, teardown),
        cmocka_unit_test_setup_teardown(test_paths_that_are_no_plain_files, setup, teardown),
        cmocka_unit_test_setup_teardown(test_other_formats_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_zipped_shapefile_is_read, setup, teardown),
        cmocka_unit_test_setup_teardown(test_archive_tricks_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_files_that_are_read_whole_have_a_limit, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_read_only_layer_and_no_geometry, setup, teardown),
    };
    return cmocka_run_group_tests_name("exchange_damaged", tests, NULL, NULL);
}
