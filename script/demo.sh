# shellcheck shell=bash
# The demonstration: geography from public packages, records generated over it, accounts. Sourced
# after lib.sh by script/server, script/bench and tests that need a filled platform.
#
# use_build BUILD_DIR sets which binaries are used; the data directory is CIM_VAR.

: "${root:?lib.sh is sourced first}"

geography_layers=(coastline districts places roads)
record_layers=(address-points enterprises stations end-users vehicles hazards accidents cameras risk-elements
    buildings land-use planned-projects control-lines emergency-resources restricted-zones transport-routes detectors calendar-days)
# Many records that no map shows: script/server loads them, tests that do not ask for them do not.
# shellcheck disable=SC2034 # script/server loads them
register_layers=(cylinders cylinder-events fillings cylinder-tests licences staff staff-certificates
    documents inspections inspection-items hazard-steps sales)

# name, roles, areas, organisation, display name
demo_accounts() {
    cat <<'ACCOUNTS'
admin|platform-admin,data-manager,base-map|*||平台管理员
province|regulator|*||省级监管
haikou|regulator,base-map|460100||海口市监管
planner|planner,base-map|*||规划人员
inspector|inspector,base-map|460100||检查人员
enterprise|enterprise,base-map|*|E0001|企业人员
station|station,base-map|460100|E0001|站点人员
ACCOUNTS
}

use_build() {
    host_binary=$root/$1/sdk-shim/host/main/cim-host
    demo_binary=$root/$1/demo/lpg-demo
    export CIM_PLUGINS_DIRS=$root/$1/plugins
    export CIM_CONSOLE_DIR=$root/sdk-shim/console/dist
}

# What a verb logs is of interest only when it fails.
cim_host() { logged "cim-host-$1" "$host_binary" "$@"; }

beijing_day() { date -u -d '+8 hours' +%F; }

# demo_data DIR SCALE DAY: areas.csv and a file for each layer; the same inputs, the same bytes.
demo_data() {
    local out=$1 scale=$2 day=$3 inputs
    npm_packages demo/geography || return 1
    inputs=$(hash_of demo)-$scale-$day
    if [ -f "$out/inputs" ] && [ "$(cat "$out/inputs")" = "$inputs" ]; then return 0; fi
    rm -rf "$out.new"
    mkdir -p "$out.new"
    logged demo-geography node demo/geography/build.mjs --out "$out.new" || return 1
    logged demo-records "$demo_binary" --geography "$out.new" --as-of "$day" --scale "$scale" \
        --out "$out.new" || return 1
    printf '%s' "$inputs" >"$out.new/inputs"
    rm -rf "$out"
    mv "$out.new" "$out"
}

# demo_load DIR [LAYER...]: a new store at CIM_VAR with the areas and layers of DIR, and these more.
demo_load() {
    local data=$1 layer file
    shift
    cim_host migrate || return 1
    cim_host areas import "$data/areas.csv" || return 1
    cim_host plugin enable lpg || return 1
    for layer in "${geography_layers[@]}" "${record_layers[@]}" "$@"; do
        file=$data/$layer.geojson
        [ -f "$file" ] || file=$data/$layer.geojsonl
        cim_host import "$file" --layer="lpg.$layer" --crs=cgcs2000 || return 1
        printf '    lpg.%s\n' "$layer"
    done
}

# demo_passwords FILE: gives every demonstration account the password in FILE.
demo_passwords() {
    local name roles areas org title
    while IFS='|' read -r name roles areas org title; do
        cim_host user add "$name" --roles="$roles" --areas="$areas" --name="$title" \
            ${org:+--org="$org"} --password-file="$1" </dev/null || return 1
    done < <(demo_accounts)
}
