/* host/exchange/export_file.h -- inside of the exchange module: how a format lies on the disk. */
#ifndef HOST_EXPORT_FILE_H
#define HOST_EXPORT_FILE_H

#include "host/exchange/source.h"

enum { HOST_EXPORT_ANY_CRS = 1 }; /* the format says, or people know, which system it is in */

struct host_export_kind {
    const char *name;
    const char *ending;   /* of what is written */
    const char *download; /* of the one file that is handed out */
    const char *driver;   /* of GDAL; NULL: written by ourselves */
    uint32_t flags;       /* HOST_EXPORT_… */
};
const struct host_export_kind *host_export_kind_of(enum host_export_format format);
bool host_export_ends_with(const char *path, const char *ending);
/* CIM_E_INVALID for a system in a format that holds degrees alone. */
cim_status host_export_check_crs(enum host_export_format format, const char *crs, cim_error *err);

/* The folder beside its place in which a file grows, until it is moved there whole. */
struct host_growth {
    enum host_export_format format;
    char dir[HOST_PATH_MAX];
    char file[HOST_PATH_MAX + 64];
};
cim_status host_growth_open(const char *path, enum host_export_format format,
                            struct host_growth *ret_growth, cim_error *err);
/* `stem` names what lies in an archive. */
cim_status host_growth_move(const struct host_growth *growth, const char *path, const char *stem,
                            cim_error *err);
void host_growth_done(const struct host_growth *growth);

#endif
