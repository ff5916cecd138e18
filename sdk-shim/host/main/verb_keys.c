/* host/main/verb_keys.c -- the keys of encrypted personal data, also beside a host that serves. */
#include "assemble.h"
#include "verb.h"

#include "args.h"
#include "cim/util.h"
#include "host/base/config.h"
#include "host/crypt/crypt.h"

#include <limits.h>
#include <stdio.h>

static cim_status
list(const struct host_crypt_keys *keys, cim_error *err)
{
    struct host_crypt_known known[HOST_CRYPT_KEYS_MAX];
    size_t n = 0;
    CIM_TRY(host_crypt_list(keys, known, &n, err));
    for (size_t i = 0; i < n; i++) {
        printf("%d  %s  %s  %s\n", known[i].version, known[i].fingerprint,
               known[i].wrapped ? "pkcs11" : "file",
               i + 1 == n ? "加密与解密 / seals and opens" : "只解密 / opens");
    }
    return CIM_OK;
}

static cim_status
rotate(const struct host_crypt_keys *keys, cim_error *err)
{
    int32_t version = 0;
    CIM_TRY(host_crypt_rotate(keys, &version, err));
    printf(
        "已生成密钥第 %d 版；运行中的平台即时启用，并在后台重新加密已有数据 / key %d was made; a "
        "platform that serves takes it up at once and seals what it has anew\n",
        version, version);
    return CIM_OK;
}

static cim_status
run(struct host_config *config, const char *const *words, cim_error *err)
{
    static const struct host_arg_spec specs[] = {{NULL, false}};
    struct host_args args;
    char path[PATH_MAX];
    struct host_crypt_keys keys;
    host_setup_log(config);
    CIM_TRY(host_args_parse(words, specs, 1, &args, err));
    CIM_TRY(host_crypt_keys_of(config, path, &keys, err));
    if (args.n_words == 0 || strcmp(args.words[0], "list") == 0) {
        return list(&keys, err);
    }
    return strcmp(args.words[0], "rotate") == 0
               ? rotate(&keys, err)
               : cim_fail(err, CIM_E_INVALID, "action", args.words[0], "应为 list 或 rotate",
                          "expected list or rotate");
}

const struct host_verb host_verb_keys = {
    .name = "keys",
    .zh = "查看与轮换个人信息加密密钥",
    .en = "list and rotate the keys of personal data",
    .usage =
        "  cim-host keys list\n"
        "  cim-host keys rotate\n\n"
        "  rotate 生成新一版密钥：新数据用它加密，旧密钥继续解密；平台运行时也可执行，不需重启。\n"
        "  密钥文件（设置 crypt.key_file）必须与数据库分开备份：丢失密钥即丢失加密的数据。\n"
        "  rotate makes a new key: it seals from then on, the others still open. It works while\n"
        "  the platform serves, without a restart. Back the key file (setting crypt.key_file) up\n"
        "  apart from the database: without it what is encrypted is lost.\n",
    .run = run,
};
