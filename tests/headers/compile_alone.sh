#!/usr/bin/env bash
# Each SDK header compiles alone, as C11, C17, C++11 and C++17, with gcc and clang, without a warning.
# usage: compile_alone.sh INCLUDE_DIR
set -euo pipefail
include=$1
flags=(-fsyntax-only -I"$include" -Wall -Wextra -Wpedantic -Wshadow -Wundef -Werror)
# An unused static inline of a header is no fault of the one that includes it.
flags+=(-Wno-unused-function)
compilers=("gcc -xc" "clang-14 -xc" "g++ -xc++" "clang++-14 -xc++")

tried=0
wrong=0
cd "$include"
for header in cim/*.h; do
    for compiler in "${compilers[@]}"; do
        read -ra command <<<"$compiler"
        if [[ $compiler == *c++ ]]; then standards=(c++11 c++17); else standards=(c11 c17); fi
        for standard in "${standards[@]}"; do
            tried=$((tried + 1))
            # Twice: a header without a guard shows here.
            printf '#include "%s"\n#include "%s"\n' "$header" "$header" |
                "${command[@]}" -std="$standard" "${flags[@]}" - || {
                printf '%s does not compile alone as %s with %s\n' "$header" "$standard" "${command[0]}"
                wrong=$((wrong + 1))
            }
        done
    done
done
printf '%d compilations, %d failed\n' "$tried" "$wrong"
[ "$tried" -gt 0 ] && [ "$wrong" -eq 0 ]
