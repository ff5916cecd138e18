/* host/archive/note.c -- what a backup notes of the archive, and what may go when it is old. */
#include "host/archive/record.h"

#include "cim/util.h"
#include "host/base/files.h"
#include "host/store/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static cim_status
remember_serial(void *arg, const struct host_archive_record *record, const void *frames,
                bool *ret_more, cim_error *err)
{
    (void)frames;
    (void)ret_more;
    (void)err;
    *(int64_t *)arg = record->serial;
    return CIM_OK;
}

/* Of the newest file of a generation. */
static cim_status
newest_serial(const char *folder, const char *generation, int64_t *ret_serial, cim_error *err)
{
    char **names = NULL;
    size_t n = 0;
    *ret_serial = 0;
    CIM_TRY(host_archive_files(folder, generation, &names, &n, err));
    const int64_t from = n > 0 ? strtoll(names[n - 1], NULL, 10) : 0;
    host_archive_names_free(names, n);
    return n > 0 ? host_archive_read(folder, generation, from, false, remember_serial, ret_serial,
                                     err)
                 : CIM_OK;
}

cim_status
host_archive_note_begin(const char *folder, const char *store, struct host_archive_note *ret_note,
                        cim_error *err)
{
    char place[HOST_ARCHIVE_PATH_MAX];
    char **names = NULL;
    size_t n = 0;
    *ret_note = (struct host_archive_note){.serial = 0};
    CIM_TRY(host_archive_path(folder, store, place, err));
    CIM_TRY(host_archive_generations(place, &names, &n, err));
    if (n > 0) {
        cim_copy_text(ret_note->generation, sizeof ret_note->generation, names[n - 1]);
    }
    host_archive_names_free(names, n);
    return n > 0 ? newest_serial(place, ret_note->generation, &ret_note->serial, err) : CIM_OK;
}

cim_status
host_archive_note_end(struct host_store *store, struct host_archive_note *note, cim_error *err)
{
    const struct host_wal_place nothing = {.n_frames = 0};
    char path[HOST_ARCHIVE_PATH_MAX];
    enum host_wal_course course;
    (void)snprintf(path, sizeof path, "%s-wal", host_store_path(store));
    return host_wal_read(path, &nothing, NULL, NULL, &note->until, &course, err);
}

cim_status
host_archive_forget(const char *folder, const char *store, const struct host_archive_note *oldest,
                    cim_error *err)
{
    char place[HOST_ARCHIVE_PATH_MAX];
    char path[HOST_ARCHIVE_PATH_MAX];
    char **names = NULL;
    size_t n = 0;
    cim_status status = CIM_OK;
    CIM_TRY(host_archive_path(folder, store, place, err));
    CIM_TRY(host_archive_generations(place, &names, &n, err));
    for (size_t i = 0; i < n && status == CIM_OK; i++) {
        if (strcmp(names[i], oldest->generation) < 0) {
            status = host_archive_path(place, names[i], path, err);
            if (status == CIM_OK) {
                host_file_remove(path);
            }
        }
    }
    host_archive_names_free(names, n);
    CIM_TRY(status);
    if (oldest->generation[0] == '\0') {
        return CIM_OK;
    }
    CIM_TRY(host_archive_files(place, oldest->generation, &names, &n, err));
    /* A file may go once the one behind it has the record. */
    for (size_t i = 0; i + 1 < n && status == CIM_OK; i++) {
        if (strtoll(names[i + 1], NULL, 10) <= oldest->serial) {
            const int len =
                snprintf(path, sizeof path, "%s/%s/%s", place, oldest->generation, names[i]);
            if (len > 0 && (size_t)len < sizeof path) {
                host_file_remove(path);
            }
        }
    }
    host_archive_names_free(names, n);
    return status;
}
