# Interface targets for what every C target shares, and the one function that adds a test.

add_library(cim_warnings INTERFACE)
target_compile_options(cim_warnings INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wvla
  -Wformat=2 -Wundef $<$<BOOL:${CIM_WERROR}>:-Werror>
  # snprintf into a bounded text cuts on purpose here; gcc guesses otherwise once it optimises.
  $<$<C_COMPILER_ID:GNU>:-Wno-format-truncation>)

# _GNU_SOURCE: POSIX 2008 and a few Linux calls (epoll, pipe2, getrandom); one place, all targets.
add_library(cim_common INTERFACE)
target_link_libraries(cim_common INTERFACE cim_warnings)
target_compile_definitions(cim_common INTERFACE _GNU_SOURCE
  $<$<CONFIG:Release>:_FORTIFY_SOURCE=2>)
target_compile_options(cim_common INTERFACE -fno-common -fvisibility=hidden
  -fstack-protector-strong $<$<CONFIG:Debug>:-g;-O1>)

if(CIM_SANITIZE)
  target_compile_options(cim_common INTERFACE -fsanitize=${CIM_SANITIZE} -fno-sanitize-recover=all
    -fno-omit-frame-pointer)
  target_link_options(cim_common INTERFACE -fsanitize=${CIM_SANITIZE})
endif()
if(CIM_BUILD_FUZZ)
  # libFuzzer steers by what the code under test does, not by the target's own few lines.
  target_compile_options(cim_common INTERFACE -fsanitize=fuzzer-no-link)
endif()
if(CIM_COVERAGE)
  target_compile_options(cim_common INTERFACE --coverage)
  target_link_options(cim_common INTERFACE --coverage)
endif()

set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

# cim_add_test(NAME name SOURCES a.c … [LIBS lib …] [LABELS unit …])
# One CMocka executable and its CTest entry.
function(cim_add_test)
  cmake_parse_arguments(arg "" "NAME" "SOURCES;LIBS;LABELS" ${ARGN})
  if(NOT arg_LABELS)
    set(arg_LABELS unit)
  endif()
  pkg_check_modules(CMOCKA REQUIRED IMPORTED_TARGET GLOBAL cmocka)
  add_executable(${arg_NAME} ${arg_SOURCES})
  target_link_libraries(${arg_NAME} PRIVATE cim_common ${arg_LIBS} PkgConfig::CMOCKA)
  add_test(NAME ${arg_NAME} COMMAND ${arg_NAME})
  set_tests_properties(${arg_NAME} PROPERTIES LABELS "${arg_LABELS}")
endfunction()
