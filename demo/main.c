/* lpg-demo: writes made-up, deterministic demonstration records over the built geography. */

#include "world.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char USAGE[] =
    "usage: lpg-demo --geography DIR --as-of YYYY-MM-DD --out DIR [--scale S] [--seed N]\n"
    "\n"
    "  --geography DIR  what demo/geography/build.mjs wrote\n"
    "  --as-of DATE     the Beijing day on which the records are current, at 10:00\n"
    "  --out DIR        where to write one GeoJSONSeq file for each layer; made if missing\n"
    "  --scale S        0.01 to 5 (default 1: 29 enterprises, 642 stations, 710 000 users)\n"
    "  --seed N         the same seed, scale and day give the same bytes (default 1)\n";

struct options {
    const char *geography;
    const char *out;
    int32_t as_of;
    double scale;
    uint64_t seed;
};

static int
parse_number(const char *text, double *ret_value)
{
    char *end;

    errno = 0;
    *ret_value = strtod(text, &end);
    return errno != 0 || end == text || *end != '\0' ? -1 : 0;
}

static int
parse_seed(const char *text, uint64_t *ret_value)
{
    char *end;

    errno = 0;
    *ret_value = strtoull(text, &end, 10);
    return errno != 0 || end == text || *end != '\0' || text[0] == '-' ? -1 : 0;
}

static int
parse_option(int option, struct options *options, struct demo_error *err)
{
    switch (option) {
    case 'g':
        options->geography = optarg;
        return 0;
    case 'o':
        options->out = optarg;
        return 0;
    case 'a':
        if (demo_date_parse(optarg, &options->as_of) != 0) {
            return demo_fail(err, "--as-of \"%s\": expected a day as YYYY-MM-DD", optarg);
        }
        return 0;
    case 's':
        if (parse_number(optarg, &options->scale) != 0 ||
            !(options->scale >= DEMO_SCALE_MIN && options->scale <= DEMO_SCALE_MAX)) {
            return demo_fail(err, "--scale \"%s\": expected a number from %g to %g", optarg,
                             DEMO_SCALE_MIN, DEMO_SCALE_MAX);
        }
        return 0;
    default:
        if (parse_seed(optarg, &options->seed) != 0) {
            return demo_fail(err, "--seed \"%s\": expected a whole number", optarg);
        }
        return 0;
    }
}

/* 1: print the usage and leave with success. */
static int
parse_options(int argc, char **argv, struct options *options, struct demo_error *err)
{
    static const struct option known[] = {{"geography", required_argument, NULL, 'g'},
                                          {"out", required_argument, NULL, 'o'},
                                          {"as-of", required_argument, NULL, 'a'},
                                          {"scale", required_argument, NULL, 's'},
                                          {"seed", required_argument, NULL, 'n'},
                                          {"help", no_argument, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
    int option;

    opterr = 0;
    while ((option = getopt_long(argc, argv, ":", known, NULL)) != -1) {
        if (option == 'h') {
            return 1;
        }
        if (option == '?' || option == ':') {
            return demo_fail(err, option == ':' ? "%s: a value is missing" : "%s: no such option",
                             argv[optind - 1]);
        }
        if (parse_option(option, options, err) != 0) {
            return -1;
        }
    }
    if (optind < argc) {
        return demo_fail(err, "\"%s\": only options are expected", argv[optind]);
    }
    if (options->geography == NULL || options->out == NULL || options->as_of == DEMO_NO_DATE) {
        return demo_fail(err, "--geography, --as-of and --out are needed");
    }
    return 0;
}

static void
show_progress(const char *layer, uint64_t done, uint64_t total)
{
    fprintf(stderr, "\r%s %3u%%", layer, (unsigned)(done * 100 / total));
    if (done + 8192 > total) {
        fputs("\r\033[K", stderr);
    }
}

static int
run(const struct options *options, struct demo_error *err)
{
    struct demo_world world = {.seed = options->seed,
                               .scale = options->scale,
                               .as_of = options->as_of,
                               .dir = options->out};
    int failed = 0;

    if (mkdir(options->out, 0777) != 0 && errno != EEXIST) {
        return demo_fail(err, "%s: %s", options->out, strerror(errno));
    }
    if (isatty(STDERR_FILENO)) {
        world.progress = show_progress;
    }
    failed = demo_geo_load(&world.geo, options->geography, err);
    if (failed == 0) {
        failed = demo_world_plan(&world, err);
    }
    if (failed == 0) {
        failed = demo_generate(&world, err);
    }
    if (failed == 0) {
        printf("%zu enterprises, %zu stations, %u end users, %u hazards\n", world.n_enterprises,
               world.n_stations, world.n_users, world.n_hazards);
    }
    demo_world_done(&world);
    return failed;
}

int
main(int argc, char **argv)
{
    struct options options = {.as_of = DEMO_NO_DATE, .scale = 1.0, .seed = 1};
    struct demo_error err;
    int parsed = parse_options(argc, argv, &options, &err);

    if (parsed > 0) {
        fputs(USAGE, stdout);
        return 0;
    }
    if (parsed < 0) {
        fprintf(stderr, "lpg-demo: %s\n%s", err.text, USAGE);
        return 2;
    }
    if (run(&options, &err) != 0) {
        fprintf(stderr, "lpg-demo: %s\n", err.text);
        return 1;
    }
    return 0;
}
