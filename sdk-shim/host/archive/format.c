/* host/archive/format.c -- the bytes of a record. */
#include "host/archive/record.h"

#include "cim/util.h"
#include "kit/digest.h"

#include <openssl/evp.h>

#include <string.h>

static const char magic[8] = {'C', 'I', 'M', 'L', 'O', 'G', '1', '\n'};

/* ---- the header of a record, little-endian ---- */

static void
put(uint8_t *at, uint64_t value, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        at[i] = (uint8_t)(value >> (8 * i));
    }
}

static uint64_t
get(const uint8_t *at, size_t n)
{
    uint64_t value = 0;
    for (size_t i = 0; i < n; i++) {
        value |= (uint64_t)at[i] << (8 * i);
    }
    return value;
}

void
host_archive_pack(const struct host_archive_record *record, uint8_t out[HOST_ARCHIVE_HEADER_BYTES])
{
    const uint32_t words[] = {(uint32_t)record->kind, record->after.page_bytes,
                              record->after.salts[0], record->after.salts[1],
                              record->after.sums[0],  record->after.sums[1],
                              record->after.n_frames, record->n_frames,
                              record->n_packed,       record->ends ? 1u : 0u};
    memcpy(out, magic, sizeof magic);
    put(out + 8, (uint64_t)record->serial, 8);
    put(out + 16, (uint64_t)record->time_ms, 8);
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        put(out + 24 + 4 * i, words[i], 4);
    }
    put(out + 64, 0, 8);
    memcpy(out + 72, record->before, HOST_ARCHIVE_HASH_BYTES);
    memcpy(out + HOST_ARCHIVE_HASHED_BYTES, record->hash, HOST_ARCHIVE_HASH_BYTES);
}

bool
host_archive_unpack(const uint8_t in[HOST_ARCHIVE_HEADER_BYTES],
                    struct host_archive_record *ret_record)
{
    uint32_t words[10];
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        words[i] = (uint32_t)get(in + 24 + 4 * i, 4);
    }
    *ret_record = (struct host_archive_record){.serial = (int64_t)get(in + 8, 8),
                                               .time_ms = (int64_t)get(in + 16, 8),
                                               .kind = (enum host_archive_kind)words[0],
                                               .after = {.page_bytes = words[1],
                                                         .salts = {words[2], words[3]},
                                                         .sums = {words[4], words[5]},
                                                         .n_frames = words[6]},
                                               .n_frames = words[7],
                                               .n_packed = words[8],
                                               .ends = words[9] != 0};
    memcpy(ret_record->before, in + 72, HOST_ARCHIVE_HASH_BYTES);
    memcpy(ret_record->hash, in + HOST_ARCHIVE_HASHED_BYTES, HOST_ARCHIVE_HASH_BYTES);
    return memcmp(in, magic, sizeof magic) == 0 &&
           ret_record->n_packed <= HOST_ARCHIVE_PAYLOAD_MAX &&
           ret_record->n_frames <= ret_record->after.n_frames &&
           ret_record->after.page_bytes <= 65536;
}

cim_status
host_archive_hash(const uint8_t header[HOST_ARCHIVE_HEADER_BYTES], const void *packed,
                  size_t n_packed, uint8_t ret_hash[HOST_ARCHIVE_HASH_BYTES], cim_error *err)
{
    EVP_MD_CTX *digest = EVP_MD_CTX_new();
    const bool done = digest != NULL && EVP_DigestInit_ex(digest, cim_sha256(), NULL) == 1 &&
                      EVP_DigestUpdate(digest, header, HOST_ARCHIVE_HASHED_BYTES) == 1 &&
                      EVP_DigestUpdate(digest, packed, n_packed) == 1 &&
                      EVP_DigestFinal_ex(digest, ret_hash, NULL) == 1;
    EVP_MD_CTX_free(digest);
    return done ? CIM_OK : cim_fail_nomem(err);
}
