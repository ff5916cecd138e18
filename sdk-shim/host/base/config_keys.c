/* host/base/config_keys.c -- see config_keys.h. */
#include "config_keys.h"

#include "cim/util.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#define TEXT(name, fallback, zh, en)                                                               \
    {                                                                                              \
        name, HOST_CONFIG_TEXT, false, 0, 0, NULL, fallback, zh, en                                \
    }
#define SECRET(name, zh, en)                                                                       \
    {                                                                                              \
        name, HOST_CONFIG_TEXT, true, 0, 0, NULL, "", zh, en                                       \
    }
#define INT(name, least, most, fallback, zh, en)                                                   \
    {                                                                                              \
        name, HOST_CONFIG_INT, false, least, most, NULL, fallback, zh, en                          \
    }
#define BOOL(name, fallback, zh, en)                                                               \
    {                                                                                              \
        name, HOST_CONFIG_BOOL, false, 0, 0, "true|false", fallback, zh, en                        \
    }
#define CHOICE(name, choices, fallback, zh, en)                                                    \
    {                                                                                              \
        name, HOST_CONFIG_CHOICE, false, 0, 0, choices, fallback, zh, en                           \
    }

enum { DAY_MS = 86400000 };
#define TIB_BYTES (INT64_C(1) << 40)

static const struct host_config_key KEYS[] = {
    TEXT("var", "var", "数据目录", "data directory"),
    TEXT("http.address", "127.0.0.1", "监听地址", "address to listen on"),
    INT("http.port", 0, 65535, "8080", "监听端口；0 为任一空闲端口", "port; 0: a free one"),
    TEXT("http.hosts", "", "接受的主机名，逗号分隔；空为任意",
         "host names answered to, separated by commas; empty: any"),
    TEXT("http.trusted_proxies", "", "可信代理的地址或网段，逗号分隔",
         "addresses or networks of trusted proxies, separated by commas"),
    INT("http.workers", 0, 512, "0", "工作线程数；0 为自动", "worker threads; 0: by the machine"),
    INT("http.event_threads", 1, 64, "1", "事件线程数", "event threads"),
    INT("http.max_connections", 8, 100000, "4096", "最多连接数", "connections at most"),
    INT("http.queue_max", 1, 100000, "1024", "排队请求上限，超出即 503",
        "requests waiting for a worker; more get 503"),
    INT("http.client_max", 0, 100000, "256", "一个客户端同时进行的请求上限，超出即 429；0 为不限",
        "requests of one client under way; more get 429; 0: any"),
    INT("http.max_body_bytes", 1024, TIB_BYTES, "16777216", "普通请求体上限",
        "largest body of a plain request"),
    INT("http.max_upload_bytes", 1024, TIB_BYTES, "4294967296", "上传文件上限", "largest upload"),
    INT("http.request_timeout_ms", 100, DAY_MS, "30000", "请求时限", "time limit of a request"),
    INT("http.idle_timeout_ms", 1000, DAY_MS, "60000", "空闲连接时限",
        "idle connections close after"),
    INT("http.stop_grace_ms", 0, DAY_MS, "10000", "停止时等待在途请求的时间",
        "how long a stop waits for requests in flight"),
    INT("jobs.workers", 1, 64, "2", "同时运行的作业数", "jobs that run at once"),
    INT("jobs.waiting_max", 1, 100000, "1000", "排队作业上限", "jobs that may wait"),
    INT("jobs.waiting_per_owner_max", 1, 100000, "50", "每个账号的排队作业上限",
        "jobs of one account that may wait"),
    INT("jobs.running_per_owner_max", 1, 64, "1", "每个账号同时运行的作业数",
        "jobs of one account that run at once"),
    INT("jobs.isolated_memory_mb", 64, 1048576, "2048", "独立进程作业的内存上限",
        "memory of a job in a process of its own"),
    INT("jobs.isolated_cpu_s", 1, 604800, "3600", "独立进程作业的处理器时间上限",
        "processor time of a job in a process of its own"),
    INT("jobs.isolated_time_s", 1, 604800, "3600", "独立进程作业的时限",
        "time limit of a job in a process of its own"),
    TEXT("jobs.dir", "", "作业文件目录；多台主机共用一个库时应为共享目录；留空为数据目录中的 jobs",
         "folder of the files of jobs, a shared one where several hosts have one store; empty: "
         "jobs in the data directory"),
    TEXT("report.office", "", "报告抬头的机关名称", "office at the head of reports"),
    TEXT("jobs.callback_networks", "", "公网之外允许作业回调的地址或网段，逗号分隔",
         "addresses or networks that jobs may call back, beside public ones"),
    SECRET("jobs.callback_secret", "作业回调的签名密钥；留空为不签名",
           "signs callbacks of jobs; empty: they are not signed"),
    INT("jobs.keep_ms", 1000, INT64_C(365) * DAY_MS, "604800000", "作业结果的保留时间",
        "how long results of jobs are kept"),
    BOOL("supervisor.enabled", "true", "由监管进程看护工作进程",
         "a supervisor looks after the process that serves"),
    INT("supervisor.hang_ms", 1000, DAY_MS, "60000", "多久没有进展视为卡死",
        "without progress for so long a worker is replaced"),
    INT("supervisor.start_ms", 1000, DAY_MS, "600000", "启动时限，迁移计算在内",
        "time to start, migrations included"),
    INT("supervisor.drain_ms", 0, DAY_MS, "120000", "升级时旧进程处理在途请求的时间",
        "time of the old process to finish its requests at an upgrade"),
    INT("supervisor.memory_mib", 0, 1 << 30, "0", "工作进程内存上限；0 为本机的五分之四",
        "memory of a worker at most; 0: four fifths of the machine's"),
    TEXT("plugins.dirs", "plugins", "插件目录，冒号分隔", "plugin folders, separated by colons"),
    TEXT("plugins.keys", "", "受信任的插件签名公钥目录（*.pem，Ed25519）；空为不要求签名",
         "folder of keys trusted to sign plugins (*.pem, Ed25519); empty: no signature is asked "
         "for"),
    SECRET("store.url", "业务数据库 postgresql://…；留空为内置库",
           "database of the data, postgresql://…; empty: embedded"),
    INT("store.max_readers", 1, 256, "8", "读连接上限", "read connections at most"),
    INT("store.group_commit_ms", 0, 1000, "2", "合并提交的等待时间", "time to gather a commit"),
    INT("store.read_timeout_ms", 100, DAY_MS, "30000", "查询时限", "time limit of a query"),
    INT("store.write_timeout_ms", 100, DAY_MS, "120000", "写入时单条语句的时限",
        "time limit of each statement of a write"),
    INT("idempotency.keep_ms", 60000, 30 * (int64_t)DAY_MS, "86400000",
        "幂等键（Idempotency-Key）的保留时间", "how long an Idempotency-Key is remembered"),
    INT("retention.changes_days", 1, 36600, "400", "变更日志的保留天数",
        "days that the change log is kept"),
    INT("retention.audit_days", 180, 36600, "1096", "审计记录的保留天数，至少 180",
        "days that the audit is kept, at least 180"),
    INT("retention.batches_days", 1, 36600, "30", "批量写入可撤销的天数",
        "days that edits of many records can be undone"),
    TEXT("bindings.hosts", "",
         "数据绑定可以访问的主机，逗号分隔：主机、主机:端口、*.域名；空为不访问任何主机",
         "hosts that bindings may fetch from, separated by commas: host, host:port, *.domain; "
         "empty: none"),
    TEXT("bindings.dirs", "", "数据绑定可以读取文件的目录，冒号分隔；空为不读取文件",
         "folders that bindings may read files of, separated by colons; empty: none"),
    TEXT("backup.folder", "", "备份目录；留空为数据目录中的 backups",
         "where backups lie; empty: backups in the data directory"),
    INT("backup.every_hours", 0, 8760, "0", "自动备份的间隔小时数；0 为不自动备份",
        "hours between backups made by themselves; 0: none"),
    INT("backup.keep", 1, 10000, "7", "保留最近几份备份", "newest backups that are kept"),
    TEXT("backup.copy_folder", "",
         "每份新备份再复制到的目录（如挂载的另一台机器）并核对；留空为不复制",
         "where each new backup is copied to and checked, such as a mount of another machine; "
         "empty: nowhere"),
    INT("backup.copy_keep", 1, 10000, "30", "该目录中保留最近几份",
        "newest copies that are kept there"),
    TEXT("backup.archive_folder", "",
         "内嵌库日志的归档目录（宜在另一块盘）；留空为不归档，归档后可恢复到任一时刻",
         "where logs of the embedded stores are archived, best on another disk, so that a restore "
         "reaches any moment; empty: nowhere"),
    INT("backup.archive_s", 1, 3600, "1", "归档的间隔秒数", "seconds between archivings"),
    INT("backup.archive_log_pages", 100, 1000000, "16000", "日志达到多少页时写回库文件",
        "pages of a log at which it is copied back into the database's file"),
    BOOL("backup.with_keys", "false", "备份中包含密钥文件", "key files go into backups as well"),
    TEXT("audit.key_file", "", "审计密钥文件；留空为数据目录中的 audit.key",
         "key of the audit chain; empty: audit.key in the data directory"),
    TEXT("audit.anchor_file", "", "审计锚点文件，只追加；留空为数据目录中的 audit.anchor",
         "anchors of the audit chain, only appended to; empty: audit.anchor in the data directory"),
    INT("audit.anchor_ms", 1000, DAY_MS, "60000", "审计锚点的间隔", "time between anchors"),
    TEXT("crypt.key_file", "", "个人信息加密密钥文件；留空为数据目录中的 keys/data.keys",
         "keys of encrypted personal data; empty: keys/data.keys in the data directory"),
    CHOICE("crypt.provider", "file|pkcs11", "file",
           "加密密钥的保护：file 存于文件，pkcs11 由密码模块中的密钥包裹",
           "what protects the keys: file, or pkcs11: wrapped by a key of a security module"),
    TEXT("crypt.pkcs11_module", "", "PKCS #11 模块（.so）的路径", "path of the PKCS #11 module"),
    TEXT("crypt.pkcs11_token", "", "令牌的标签", "label of the token"),
    TEXT("crypt.pkcs11_key", "cim-data", "包裹密钥的标签", "label of the wrapping key"),
    TEXT("crypt.pkcs11_pin_file", "", "令牌 PIN 所在文件，权限 600",
         "file of the token's PIN, of mode 600"),
    SECRET("crypt.pkcs11_pin", "令牌 PIN；建议改用文件", "PIN of the token; rather use the file"),
    INT("session.idle_ms", 1000, 30 * (int64_t)DAY_MS, "1800000", "会话空闲时限",
        "idle sessions end after"),
    INT("session.absolute_ms", 1000, 30 * (int64_t)DAY_MS, "43200000", "会话最长时间",
        "sessions end after"),
    INT("session.token_ms", 1000, 30 * (int64_t)DAY_MS, "28800000", "令牌有效期",
        "tokens are valid for"),
    SECRET(
        "session.redis_url",
        "多台主机共用登录状态的 Redis，如 redis://:密码@主机:6379；留空为本机独用",
        "Redis in which hosts share who has signed in, redis://:password@host:6379; empty: none"),
    SECRET("tiles.redis_url",
           "多台主机共用瓦片的 Redis，如 redis://:密码@主机:6379；留空为只存本机内存",
           "Redis in which hosts share vector tiles, redis://:password@host:6379; empty: none"),
    INT("session.lock_after", 1, 1000, "5", "连续失败几次后锁定",
        "failures in a row that lock an account"),
    INT("session.lock_ms", 0, 30 * (int64_t)DAY_MS, "900000", "锁定时长；连续锁定时逐次加倍",
        "a lock lasts; twice as long each time in a row"),
    INT("password.min_chars", 8, 64, "8", "密码最少字符数", "least characters of a password"),
    INT("password.max_age_days", 0, 3650, "90", "密码有效期（天）；0 为不限",
        "days after which a password is changed; 0: never"),
    INT("password.history", 0, 24, "5", "不得重复使用的旧密码个数",
        "how many former passwords are refused"),
    BOOL("password.first_change", "true", "管理员设置的密码在首次登录时须更换",
         "a password that an administrator set is changed at the first sign-in"),
    CHOICE("sign_in.second_factor", "optional|administrators|all", "optional",
           "须用第二因素登录的人：自愿、管理员、所有人",
           "who signs in with a second factor: who wants to, administrators, all"),
    BOOL("admin.separate", "false", "三员分立：任何人至多为系统、安全、审计管理员之一",
         "nobody is more than one of system, security and audit administrator"),
    TEXT("admin.addresses", "", "可访问 /admin 的地址或网段，逗号分隔；空为任意",
         "addresses or networks that reach /admin, separated by commas; empty: any"),
    TEXT("sign_in.providers", "", "统一认证登录方式的文件（JSON）；空为只用本地账号",
         "file of sign-in providers (JSON); empty: local accounts alone"),
    TEXT("directory.url", "", "人员目录（LDAP）：ldaps://主机 或 ldap://主机；空为没有",
         "directory of people (LDAP): ldaps://host or ldap://host; empty: none"),
    CHOICE("directory.tls", "remote|always|never", "remote",
           "ldap:// 何时用 StartTLS 加密：非本机、总是、从不",
           "when ldap:// is encrypted by StartTLS: to other machines, always, never"),
    TEXT("directory.ca_file", "", "签发目录证书的机构（PEM）；空为系统所信任的",
         "authorities of the directory's certificate (PEM); empty: those of the system"),
    TEXT("directory.bind_dn", "", "读取目录的账号；空为匿名",
         "account that reads the directory; empty: nobody"),
    TEXT("directory.password_file", "", "该账号口令所在的文件",
         "file with that account's password"),
    INT("directory.timeout_ms", 100, 30000, "10000", "连接目录及其每次应答的时限",
        "time limit of connecting to the directory, and of each answer"),
    TEXT("directory.people_base", "", "人员所在的目录节点", "where in the directory people are"),
    TEXT("directory.people_filter", "(objectClass=person)", "人员的过滤条件", "filter of people"),
    TEXT(
        "directory.people_map", "id=entryUUID,username=uid,display_name=cn,org=dn:ou,dn=dn",
        "人员各列取自何属性，列=属性：id、username、display_name、org、area、roles、areas、until、"
        "dn；“:文字”为常量，“dn:ou”为其上、节点之下最近的 ou",
        "attributes of people, column=attribute: id, username, display_name, org, area, roles, "
        "areas, until, dn; ':text' is a constant, 'dn:ou' the nearest ou above and below the base"),
    TEXT("directory.orgs_base", "", "组织所在的目录节点；空为不同步组织",
         "where in the directory organisations are; empty: they are not synchronised"),
    TEXT("directory.orgs_filter", "(objectClass=organizationalUnit)", "组织的过滤条件",
         "filter of organisations"),
    TEXT("directory.orgs_map", "code=ou,name=description,parent=dn:ou,kind=:other",
         "组织各列取自何属性：code、name、kind、parent、area",
         "attributes of organisations: code, name, kind, parent, area"),
    TEXT("directory.sign_in", "", "目录中的新人员从哪个统一认证登录；空为本平台密码",
         "sign-in provider of new people of the directory; empty: a password here"),
    BOOL("directory.link_by_name", "false", "目录接管本平台已有的同名账号和同代码组织",
         "the directory takes over accounts and organisations of the same name"),
    INT("monitor.disk_free_percent", 1, 99, "10", "数据盘剩余低于此百分比即告警",
        "warns below so many per cent of free disk"),
    INT("monitor.error_permille", 0, 1000, "10", "5xx 应答超过千分之几即告警",
        "warns above so many answers 5xx in a thousand"),
    INT("monitor.latency_ms", 1, 600000, "1000", "95% 的应答慢于此即告警",
        "warns when 95 % of the answers take longer"),
    INT("monitor.refused_sign_ins", 1, 1000000, "50", "一小时内失败的登录超过此数即告警",
        "warns above so many refused sign-ins in an hour"),
    INT("monitor.expiry_days", 1, 3650, "30", "提前几天提示令牌与授权到期",
        "days before the end that tokens and grants are told of"),
    INT("monitor.realtime_hours", 1, 8760, "24", "实时图层多少小时没有变更即告警",
        "hours without a change after which a layer of real time warns"),
    TEXT("catalogue.provider", "", "数据资源目录中的提供方；留空为平台名称",
         "provider in the catalogue of resources; empty: the platform's name"),
    TEXT("catalogue.code", "460000LPG", "资源代码的前段码（GB/T 21063.4）",
         "first part of resource codes (GB/T 21063.4)"),
    TEXT("site.url", "", "平台的对外地址，如 https://cim.example；空为按请求",
         "address of the platform, such as https://cim.example; empty: as requests say"),
    TEXT("site.name", "CIM", "平台名称，显示在验证器应用中",
         "name of the platform, shown by authenticator apps"),
    INT("stream.max_clients", 1, 100000, "5000", "推送连接上限", "event streams at most"),
    INT("stream.max_per_account", 1, 100000, "20", "每个账号的推送连接上限",
        "event streams of one account at most"),
    CHOICE("log.level", "debug|info|warning|error", "info", "日志级别", "least level logged"),
    CHOICE("log.format", "auto|text|json", "auto", "日志格式；auto：终端为文本，否则 JSON",
           "log format; auto: text on a terminal, else JSON"),
    BOOL("log.access", "true", "记录每个请求", "a log line per request"),
    SECRET("tianditu.key", "天地图密钥", "key of Tianditu, the national map service"),
    TEXT("tianditu.url", "https://t0.tianditu.gov.cn", "天地图服务地址", "address of Tianditu"),
    TEXT("basemap.approval_number", "", "底图审图号", "approval number of the base map"),
    TEXT("console.dir", "", "管理台页面目录", "folder of the admin console's page"),
    TEXT("clock.fixed", "", "固定的当前时间（RFC 3339），用于演示与测试",
         "a fixed now (RFC 3339), for demonstrations and tests"),
};

const struct host_config_key *
host_config_key_at(size_t index)
{
    return index < sizeof KEYS / sizeof KEYS[0] ? &KEYS[index] : NULL;
}

static cim_status
check_int(const struct host_config_key *key, const char *value, const char *source, cim_error *err)
{
    char *end = NULL;
    errno = 0;
    const long long number = strtoll(value, &end, 10);
    if (errno == 0 && end != value && *end == '\0' && value[0] != ' ' && number >= key->min &&
        number <= key->max) {
        return CIM_OK;
    }
    return cim_fail(err, CIM_E_INVALID, key->name, value,
                    "设置“%s”（来自%s）的值“%s”无效：应为 %" PRId64 " 到 %" PRId64 " 的整数",
                    "setting '%s' (from %s) has the value '%s': expected an integer from %" PRId64
                    " to %" PRId64,
                    key->name, source, value, key->min, key->max);
}

static bool
is_choice(const char *choices, const char *value)
{
    const size_t len = strlen(value);
    for (const char *at = choices; at != NULL; at = strchr(at, '|')) {
        at += *at == '|';
        if (len > 0 && strncmp(at, value, len) == 0 && (at[len] == '|' || at[len] == '\0')) {
            return true;
        }
    }
    return false;
}

cim_status
host_config_key_check(const struct host_config_key *key, const char *value, const char *source,
                      cim_error *err)
{
    if (key->type == HOST_CONFIG_INT) {
        return check_int(key, value, source, err);
    }
    if (key->choices != NULL && !is_choice(key->choices, value)) {
        return cim_fail(err, CIM_E_INVALID, key->name, value,
                        "设置“%s”（来自%s）的值“%s”无效：应为 %s 之一",
                        "setting '%s' (from %s) has the value '%s': expected one of %s", key->name,
                        source, value, key->choices);
    }
    return CIM_OK;
}
