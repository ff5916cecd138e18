/* host/exchange/gdal_error.c -- GDAL set up once, and its messages caught per call. */
#include "host/exchange/source.h"

#include <cpl_conv.h>
#include <cpl_error.h>
#include <pthread.h>
#include <string.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void
set_up(void)
{
    /* No file out of an import may make GDAL reach for the network or for Python. */
    CPLSetConfigOption("GDAL_HTTP_MAX_RETRY", "0");
    CPLSetConfigOption("CPL_VSIL_CURL_ALLOWED_EXTENSIONS", "{none}");
    CPLSetConfigOption("GDAL_VRT_ENABLE_PYTHON", "NO");
    CPLSetConfigOption("OGR_GEOJSON_MAX_OBJ_SIZE", "100"); /* MB of one feature */
    CPLSetConfigOption("GML_SKIP_RESOLVE_ELEMS", "ALL");   /* no xlink is followed */
    /* Numbers in sheets and GML are codes as often as not ("0898"): taken as text and parsed by the
     * layer, which knows. */
    CPLSetConfigOption("GML_FIELDTYPES", "ALWAYS_STRING");
    CPLSetConfigOption("OGR_XLSX_FIELD_TYPES", "STRING");
    CPLSetConfigOption("OGR_XLSX_HEADERS", "FORCE");
    CPLSetConfigOption("PROJ_NETWORK", "OFF");
    GDALAllRegister();
}

void
host_gdal_init(void)
{
    (void)pthread_once(&once, set_up);
}

/* "Invalid 'x' coordinate …", "Invalid Point object …": of one feature, whose text we look at
 * ourselves (geojson.c) to refuse that row; not of the file. */
static bool
is_of_one_geometry(const char *message)
{
    return strncmp(message, "Invalid ", 8) == 0 && strstr(message, "oordinate") != NULL;
}

/* Only a warning, but numbers would come out as others than the file has. */
static bool
loses_numbers(const char *message)
{
    return strstr(message, "ranging out of 64bit") != NULL;
}

/* Without the folders of paths, which are ours and nobody's business. */
static void
copy_message(char *to, size_t size, const char *message)
{
    size_t n = 0;
    for (const char *at = message; *at != '\0' && n + 1 < size;) {
        const bool begins = at == message || strchr(" '\"(=:", at[-1]) != NULL;
        const size_t len = begins && *at == '/' ? strcspn(at, " '\"),:;\n") : 0;
        const char *slash = len > 0 ? memrchr(at, '/', len) : NULL;
        at = slash != NULL ? slash + 1 : at;
        if (slash == NULL) {
            to[n++] = *at++;
        }
    }
    to[n] = '\0';
}

static void CPL_STDCALL
on_error(CPLErr kind, CPLErrorNum number, const char *message)
{
    struct host_gdal_errors *errors = CPLGetErrorHandlerUserData();
    (void)number;
    if ((kind >= CE_Failure || loses_numbers(message)) && errors != NULL &&
        !is_of_one_geometry(message) && errors->n_failures++ == 0) {
        copy_message(errors->first, sizeof errors->first, message);
    }
}

void
host_gdal_enter(struct host_gdal_errors *errors)
{
    host_gdal_init();
    CPLPushErrorHandlerEx(on_error, errors);
}

void
host_gdal_leave(void)
{
    CPLPopErrorHandler();
}
