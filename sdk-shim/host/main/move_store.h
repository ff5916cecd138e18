/* host/main/move_store.h -- the data store from one database to another, offline. */
#ifndef HOST_MOVE_STORE_H
#define HOST_MOVE_STORE_H

#include "cim/base.h"

struct host_config;

/* Copies the store of the config to `target`: a postgresql:// URL of a database without tables of
 * ours, or the path of a file that does not exist. Takes the data directory's lock, reads the
 * source and never writes it, applies the host's migrations and those of every plugin that has any
 * in the source, and prints each table with rows and hash. The config stays as it is. */
cim_status host_move_store(struct host_config *config, const char *target, cim_error *err);

#endif
