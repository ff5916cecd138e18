/* host/main/directory.h -- the directory of the settings, for identity to follow. */
#ifndef HOST_MAIN_DIRECTORY_H
#define HOST_MAIN_DIRECTORY_H

#include "cim/base.h"

struct host_app;
struct host_directory;

/* Hands the directory that is set to identity; *ret_directory, NULL where none is set, must outlive
 * the routes and is freed by host_directory_free(). */
cim_status host_main_open_directory(struct host_app *app, struct host_directory **ret_directory,
                                    cim_error *err);

#endif
