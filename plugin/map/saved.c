/* plugin/map/saved.c -- see saved.h. */
#include "kit/digest.h"
#include "map/saved.h"

#include "cim/util.h"
#include "kit/cleanup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libdeflate.h>
#include <openssl/evp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* Raise it with whatever changes what the bytes mean: an array more, the order of points, the hash
 * of dictionaries. */
enum { FORMAT = 1 };

enum {
    ALIGNMENT = 64,
    DICTIONARIES_MAX = LPG_ATTRIBUTES_MAX + 2, /* of areas, owners and attributes */
    COLUMNS_MAX = 10 + LPG_ATTRIBUTES_MAX + 2 * LPG_ATTRIBUTES_MAX + DICTIONARIES_MAX,
    BYTE_ORDER_MARK = 0x01020304
};

#define BESIDE ".new-XXXXXX" /* behind the name of a file that is being written */

static const char MAGIC[8] = "LPGMAP\r\n";

struct saved_dictionary {
    uint32_t n;
    uint32_t n_slots;
    uint64_t text_bytes;
};

struct saved_head {
    char magic[8];
    uint32_t byte_order;
    uint32_t format;
    uint8_t shape[32];
    struct lpg_origin origin;
    int64_t pos;
    uint64_t len; /* of the file */
    uint32_t n;
    uint32_t n_partitions;
    uint32_t n_counted;
    uint32_t body_crc; /* of all behind the head */
    uint32_t counted_values[LPG_ATTRIBUTES_MAX];
    struct saved_dictionary dictionaries[DICTIONARIES_MAX];
    uint32_t reserved;
    uint32_t head_crc; /* of all before it */
};

/* A value of a dictionary: texts lie behind, ended by a zero. */
struct saved_value {
    uint32_t type;
    uint32_t hash;
    uint64_t bits; /* of a number; of a text where it begins */
};

/* ---- what there is to save ---- */

/* An array of the base: where its pointer is, and how much of it there is. */
struct column {
    void *pointer;
    uint64_t bytes;
};

struct columns {
    uint32_t n;
    struct column list[COLUMNS_MAX];
};

static void
add_column(struct columns *columns, void *pointer, uint64_t count, size_t size)
{
    columns->list[columns->n++] = (struct column){.pointer = pointer, .bytes = count * size};
}

static void *
column_data(const struct column *column)
{
    void *data = NULL;
    memcpy(&data, column->pointer, sizeof data);
    return data;
}

static void
set_column(const struct column *column, void *data)
{
    memcpy(column->pointer, &data, sizeof data);
}

static uint32_t
list_dictionaries(struct lpg_features *features,
                  struct lpg_dictionary *ret_dictionaries[DICTIONARIES_MAX])
{
    uint32_t n = 0;
    ret_dictionaries[n++] = &features->areas;
    ret_dictionaries[n++] = &features->owners;
    for (uint32_t i = 0; i < features->n_attributes; i++) {
        ret_dictionaries[n++] = &features->attributes[i].dictionary;
    }
    return n;
}

/* Every array that is saved as it lies in memory: written, found again and taken out by this list.
 * Of a base whose counts are set. */
static void
list_columns(struct lpg_base *base, struct columns *columns)
{
    struct lpg_features *features = &base->features;
    struct lpg_points *points = base->points;
    struct lpg_dictionary *dictionaries[DICTIONARIES_MAX];
    const uint32_t n_dictionaries = list_dictionaries(features, dictionaries);
    const uint64_t n = points->n;
    const uint64_t n_begun = (n + LPG_POINTS_BLOCK - 1) / LPG_POINTS_BLOCK;
    columns->n = 0;
    add_column(columns, &points->morton, n, sizeof *points->morton);
    add_column(columns, &points->block_morton, n_begun, sizeof *points->block_morton);
    add_column(columns, &points->sum_x, n + 1, sizeof *points->sum_x);
    add_column(columns, &points->sum_y, n + 1, sizeof *points->sum_y);
    add_column(columns, &points->partitions, points->n_partitions, sizeof *points->partitions);
    add_column(columns, &points->by_fid, n, sizeof *points->by_fid);
    add_column(columns, &features->fid, n, sizeof *features->fid);
    add_column(columns, &features->version, n, sizeof *features->version);
    add_column(columns, &features->area, n, sizeof *features->area);
    add_column(columns, &features->owner, n, sizeof *features->owner);
    for (uint32_t i = 0; i < features->n_attributes; i++) {
        add_column(columns, &features->attributes[i].codes, n, sizeof(uint32_t));
    }
    for (uint32_t i = 0; i < points->n_counted; i++) {
        struct lpg_counted *counted = &points->counted[i];
        const uint64_t cells = (n / LPG_POINTS_BLOCK + 1) * (counted->n_values - 1);
        add_column(columns, &counted->words, cells, sizeof *counted->words);
        add_column(columns, &counted->ranks, cells, sizeof *counted->ranks);
    }
    for (uint32_t i = 0; i < n_dictionaries; i++) {
        add_column(columns, &dictionaries[i]->slots, dictionaries[i]->n_slots, sizeof(uint32_t));
    }
}

static void
digest_text(EVP_MD_CTX *context, const char *text)
{
    (void)EVP_DigestUpdate(context, text, strlen(text) + 1);
}

/* What the columns are of: a definition of which anything here is another now has other columns. */
static cim_status
digest_shape(const struct lpg_features *features, const char *layer, uint8_t ret_shape[32],
             cim_error *err)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    unsigned int len = 0;
    if (context == NULL || EVP_DigestInit_ex(context, cim_sha256(), NULL) != 1) {
        EVP_MD_CTX_free(context);
        return cim_fail_nomem(err);
    }
    digest_text(context, layer);
    digest_text(context, features->degrees ? "degrees" : "mercator");
    for (uint32_t i = 0; i < features->n_attributes; i++) {
        const struct lpg_attribute *attribute = &features->attributes[i];
        const uint32_t kind[] = {(uint32_t)attribute->field->type, attribute->counted,
                                 attribute->shown};
        digest_text(context, attribute->field->name);
        (void)EVP_DigestUpdate(context, kind, sizeof kind);
    }
    (void)EVP_DigestFinal_ex(context, ret_shape, &len);
    EVP_MD_CTX_free(context);
    return CIM_OK;
}

static uint32_t
head_crc(const struct saved_head *head)
{
    return libdeflate_crc32(0, head, offsetof(struct saved_head, head_crc));
}

static uint64_t
aligned(uint64_t at)
{
    return (at + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

/* ---- writing ---- */

struct output {
    int fd;
    uint64_t at;
    uint32_t crc; /* of what was put */
};

static cim_status
os_fail(const char *path, cim_error *err)
{
    char why[128];
    const int error = errno;
    return cim_fail(err, CIM_E_IO, NULL, NULL, "地图快照 %.200s：%s", "map snapshot %.200s: %s",
                    path, strerror_r(error, why, sizeof why));
}

static bool
write_all(int fd, const void *data, uint64_t len)
{
    const char *bytes = data;
    while (len > 0) {
        const ssize_t n = write(fd, bytes, len > (1U << 30U) ? 1U << 30U : (size_t)len);
        if (n < 0 && errno != EINTR) {
            return false;
        }
        bytes += n > 0 ? n : 0;
        len -= n > 0 ? (uint64_t)n : 0;
    }
    return true;
}

/* An array, and zeros up to where the next one may begin. */
static bool
put(struct output *out, const void *data, uint64_t len)
{
    static const char zeros[ALIGNMENT];
    const size_t rest = (size_t)(aligned(out->at + len) - out->at - len);
    if (!write_all(out->fd, data, len) || !write_all(out->fd, zeros, rest)) {
        return false;
    }
    if (len > 0) { /* no bytes have no address to read them from */
        out->crc = libdeflate_crc32(out->crc, data, (size_t)len);
    }
    out->crc = libdeflate_crc32(out->crc, zeros, rest);
    out->at += len + rest;
    return true;
}

static bool
put_dictionary(struct output *out, const struct lpg_dictionary *dictionary,
               struct saved_dictionary *ret_saved)
{
    CIM_AUTO_FREE struct saved_value *values = calloc((size_t)dictionary->n + 1, sizeof *values);
    CIM_AUTO_FREE char *texts = NULL;
    uint64_t n_bytes = 0;
    *ret_saved = (struct saved_dictionary){.n = dictionary->n, .n_slots = dictionary->n_slots};
    if (values == NULL) {
        errno = ENOMEM;
        return false;
    }
    for (uint32_t i = 1; i < dictionary->n; i++) {
        const struct lpg_value *value = &dictionary->values[i];
        values[i] = (struct saved_value){.type = value->type, .hash = value->hash};
        if (value->type == CIM_COL_TEXT) {
            values[i].bits = n_bytes;
            n_bytes += strlen(value->text) + 1;
        } else if (value->type == CIM_COL_FLOAT64) {
            memcpy(&values[i].bits, &value->f64, sizeof value->f64);
        } else {
            memcpy(&values[i].bits, &value->i64, sizeof value->i64);
        }
    }
    texts = malloc((size_t)n_bytes + 1);
    if (texts == NULL) {
        errno = ENOMEM;
        return false;
    }
    for (uint32_t i = 1; i < dictionary->n; i++) {
        if (values[i].type == CIM_COL_TEXT) {
            const char *text = dictionary->values[i].text;
            memcpy(texts + values[i].bits, text, strlen(text) + 1);
        }
    }
    ret_saved->text_bytes = n_bytes;
    return put(out, values, dictionary->n * sizeof *values) && put(out, texts, n_bytes);
}

static bool
put_base(struct output *out, struct lpg_base *base, struct saved_head *head)
{
    struct lpg_dictionary *dictionaries[DICTIONARIES_MAX];
    const uint32_t n_dictionaries = list_dictionaries(&base->features, dictionaries);
    struct columns columns;
    list_columns(base, &columns);
    for (uint32_t i = 0; i < columns.n; i++) {
        if (!put(out, column_data(&columns.list[i]), columns.list[i].bytes)) {
            return false;
        }
    }
    for (uint32_t i = 0; i < n_dictionaries; i++) {
        if (!put_dictionary(out, dictionaries[i], &head->dictionaries[i])) {
            return false;
        }
    }
    return true;
}

static bool
write_file(int fd, struct lpg_base *base, struct saved_head *head)
{
    struct output out = {.fd = fd, .at = sizeof *head};
    if (lseek(fd, (off_t)out.at, SEEK_SET) < 0 || !put(&out, head, 0) ||
        !put_base(&out, base, head)) {
        return false;
    }
    head->len = out.at;
    head->body_crc = out.crc;
    head->head_crc = head_crc(head);
    return lseek(fd, 0, SEEK_SET) == 0 && write_all(fd, head, sizeof *head);
}

cim_status
lpg_saved_write(struct lpg_base *base, const char *layer, const struct lpg_origin *origin,
                const char *path, cim_error *err)
{
    struct saved_head head = {.byte_order = BYTE_ORDER_MARK,
                              .format = FORMAT,
                              .origin = *origin,
                              .pos = base->pos,
                              .n = base->points->n,
                              .n_partitions = base->points->n_partitions,
                              .n_counted = base->points->n_counted};
    char beside[4096];
    memcpy(head.magic, MAGIC, sizeof head.magic);
    for (uint32_t i = 0; i < base->points->n_counted; i++) {
        head.counted_values[i] = base->points->counted[i].n_values;
    }
    CIM_TRY(digest_shape(&base->features, layer, head.shape, err));
    if (snprintf(beside, sizeof beside, "%s" BESIDE, path) >= (int)sizeof beside) {
        return cim_fail(err, CIM_E_TOO_LARGE, NULL, NULL, "路径过长", "the path is too long");
    }
    const int fd = mkostemp(beside, O_CLOEXEC);
    if (fd < 0) {
        return os_fail(path, err);
    }
    /* No fdatasync(): what a power cut leaves undone, the checksums tell. */
    cim_status status = write_file(fd, base, &head) ? CIM_OK : os_fail(path, err);
    if (close(fd) != 0 && status == CIM_OK) {
        status = os_fail(path, err);
    }
    if (status == CIM_OK && rename(beside, path) != 0) {
        status = os_fail(path, err);
    }
    if (status != CIM_OK) {
        (void)unlink(beside);
    }
    return status;
}

void
lpg_saved_tidy(const char *folder)
{
    DIR *dir = opendir(folder);
    const struct dirent *entry;
    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        if (strstr(entry->d_name, ".new-") != NULL) {
            (void)unlinkat(dirfd(dir), entry->d_name, 0);
        }
    }
    if (dir != NULL) {
        (void)closedir(dir);
    }
}

/* ---- opening ---- */

static cim_status
refuse(const char *path, const char *zh, const char *en, cim_error *err)
{
    return cim_fail(err, CIM_E_INVALID, NULL, NULL, "地图快照 %.200s %s%.0s",
                    "map snapshot %.200s %.0s%s", path, zh, en);
}

static cim_status
map_file(const char *path, struct lpg_base *base, cim_error *err)
{
    struct stat about;
    cim_status status = CIM_OK;
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return errno == ENOENT ? CIM_E_NOTFOUND : os_fail(path, err);
    }
    if (fstat(fd, &about) != 0) {
        status = os_fail(path, err);
    } else if (about.st_size < (off_t)aligned(sizeof(struct saved_head))) {
        status = refuse(path, "不完整", "is cut short", err);
    } else {
        base->file_len = (size_t)about.st_size;
        base->file = mmap(NULL, base->file_len, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
        if (base->file == MAP_FAILED) {
            base->file = NULL;
            status = os_fail(path, err);
        }
    }
    (void)close(fd);
    return status;
}

static cim_status
check_head(const struct saved_head *head, const struct lpg_base *base, const char *layer,
           const char *path, cim_error *err)
{
    uint8_t shape[32];
    if (memcmp(head->magic, MAGIC, sizeof head->magic) != 0 ||
        head->byte_order != BYTE_ORDER_MARK || head->format != FORMAT) {
        return refuse(path, "为其他版本的格式", "has the format of another version", err);
    }
    if (head->head_crc != head_crc(head) || head->len != base->file_len) {
        return refuse(path, "已损坏", "is damaged", err);
    }
    CIM_TRY(digest_shape(&base->features, layer, shape, err));
    if (memcmp(head->shape, shape, sizeof shape) != 0) {
        return refuse(path, "对应的图层定义已改变", "is of another definition of the layer", err);
    }
    if (head->body_crc != libdeflate_crc32(0, head + 1, base->file_len - sizeof *head)) {
        return refuse(path, "已损坏", "is damaged", err);
    }
    return CIM_OK;
}

/* The counts by which the list of columns knows their lengths. */
static void
set_counts(struct lpg_base *base, const struct saved_head *head)
{
    struct lpg_features *features = &base->features;
    struct lpg_dictionary *dictionaries[DICTIONARIES_MAX];
    const uint32_t n_dictionaries = list_dictionaries(features, dictionaries);
    features->n = head->n;
    features->capacity = head->n;
    base->points->n = head->n;
    base->points->n_partitions = head->n_partitions;
    for (uint32_t i = 0; i < features->n_attributes; i++) {
        if (features->attributes[i].counted) {
            struct lpg_counted *counted = &base->points->counted[base->points->n_counted];
            counted->attribute = i;
            counted->n_values = head->counted_values[base->points->n_counted++];
        }
    }
    for (uint32_t i = 0; i < n_dictionaries; i++) {
        dictionaries[i]->n_slots = head->dictionaries[i].n_slots;
    }
}

/* The next array of the file; NULL where it ends before. */
static void *
take(const struct lpg_base *base, uint64_t bytes, uint64_t *at)
{
    void *data = (char *)base->file + *at;
    if (bytes > base->file_len - *at || aligned(*at + bytes) > base->file_len) {
        return NULL;
    }
    *at = aligned(*at + bytes);
    return data;
}

/* The values are made anew, since they point to their texts; those lie in the file. */
static cim_status
take_dictionary(const struct lpg_base *base, const struct saved_dictionary *saved, uint64_t *at,
                struct lpg_dictionary *dictionary, cim_error *err)
{
    const struct saved_value *values = take(base, (uint64_t)saved->n * sizeof *values, at);
    char *texts = values != NULL ? take(base, saved->text_bytes, at) : NULL;
    if (texts == NULL) {
        return CIM_E_INVALID;
    }
    if (saved->n == 0) {
        return CIM_OK;
    }
    dictionary->values = calloc(saved->n, sizeof *dictionary->values);
    if (dictionary->values == NULL) {
        return cim_fail_nomem(err);
    }
    dictionary->n = saved->n;
    dictionary->capacity = saved->n;
    for (uint32_t i = 1; i < saved->n; i++) {
        struct lpg_value *value = &dictionary->values[i];
        *value = (struct lpg_value){.type = values[i].type, .hash = values[i].hash};
        if (value->type == CIM_COL_TEXT) {
            value->text = texts + values[i].bits;
        } else if (value->type == CIM_COL_FLOAT64) {
            memcpy(&value->f64, &values[i].bits, sizeof value->f64);
        } else {
            memcpy(&value->i64, &values[i].bits, sizeof value->i64);
        }
    }
    return CIM_OK;
}

/* CIM_E_INVALID: the arrays do not fit into the file. */
static cim_status
take_base(struct lpg_base *base, const struct saved_head *head, cim_error *err)
{
    struct lpg_dictionary *dictionaries[DICTIONARIES_MAX];
    const uint32_t n_dictionaries = list_dictionaries(&base->features, dictionaries);
    struct columns columns;
    uint64_t at = aligned(sizeof *head);
    set_counts(base, head);
    list_columns(base, &columns);
    for (uint32_t i = 0; i < columns.n; i++) {
        void *data = take(base, columns.list[i].bytes, &at);
        if (data == NULL) {
            return CIM_E_INVALID;
        }
        set_column(&columns.list[i], data);
    }
    for (uint32_t i = 0; i < n_dictionaries; i++) {
        CIM_TRY(take_dictionary(base, &head->dictionaries[i], &at, dictionaries[i], err));
    }
    return at == base->file_len ? CIM_OK : CIM_E_INVALID;
}

static cim_status
open_into(const struct cim_definition *def, bool degrees, const char *path, struct lpg_base *base,
          struct lpg_origin *ret_origin, cim_error *err)
{
    const struct saved_head *head;
    CIM_TRY(lpg_features_init(&base->features, def, err));
    base->features.degrees = degrees;
    base->points = calloc(1, sizeof *base->points);
    if (base->points == NULL) {
        return cim_fail_nomem(err);
    }
    CIM_TRY(map_file(path, base, err));
    head = base->file;
    CIM_TRY(check_head(head, base, def->id, path, err));
    const cim_status status = take_base(base, head, err);
    if (status == CIM_E_INVALID) {
        return refuse(path, "的内容与其长度不符", "does not hold what its head tells", err);
    }
    CIM_TRY(status);
    base->pos = head->pos;
    *ret_origin = head->origin;
    return CIM_OK;
}

cim_status
lpg_saved_open(const struct cim_definition *def, bool degrees, const char *path,
               struct lpg_base **ret_base, struct lpg_origin *ret_origin, cim_error *err)
{
    struct lpg_base *base = NULL;
    cim_status status = lpg_base_new(&base, err);
    CIM_TRY(status);
    status = open_into(def, degrees, path, base, ret_origin, err);
    if (status != CIM_OK) {
        lpg_base_unref(base);
        return status;
    }
    *ret_base = base;
    return CIM_OK;
}

void
lpg_saved_close(struct lpg_base *base)
{
    struct lpg_dictionary *dictionaries[DICTIONARIES_MAX];
    const uint32_t n_dictionaries = list_dictionaries(&base->features, dictionaries);
    struct columns columns;
    list_columns(base, &columns);
    for (uint32_t i = 0; i < columns.n; i++) {
        set_column(&columns.list[i], NULL);
    }
    for (uint32_t i = 0; i < n_dictionaries; i++) {
        for (uint32_t k = 1; k < dictionaries[i]->n; k++) {
            dictionaries[i]->values[k].text = NULL;
        }
    }
    (void)munmap(base->file, base->file_len);
}
