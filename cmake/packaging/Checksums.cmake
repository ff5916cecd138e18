# Run by cpack on the staged tree: writes the SHA-256 of every file of the plugin into its manifest,
# which the host compares before it loads anything.
file(GLOB_RECURSE manifests ${CPACK_TEMPORARY_INSTALL_DIRECTORY}/*/plugin.manifest)
list(LENGTH manifests count)
if(NOT count EQUAL 1)
  message(FATAL_ERROR "expected one plugin.manifest in the package, found ${count}")
endif()
get_filename_component(folder ${manifests} DIRECTORY)
file(GLOB_RECURSE files RELATIVE ${folder} ${folder}/*)
set(sums "{}")
foreach(name IN LISTS files)
  if(NOT name STREQUAL "plugin.manifest")
    file(SHA256 ${folder}/${name} sum)
    string(JSON sums SET "${sums}" "${name}" "\"${sum}\"")
  endif()
endforeach()
file(READ ${manifests} manifest)
string(JSON manifest SET "${manifest}" checksums "${sums}")
file(WRITE ${manifests} "${manifest}\n")
# With a key at hand the manifest is signed: CIM_SIGNING_KEY names an Ed25519 private key in PEM.
if(DEFINED ENV{CIM_SIGNING_KEY})
  execute_process(COMMAND openssl pkeyutl -sign -rawin -inkey $ENV{CIM_SIGNING_KEY}
      -in ${manifests} -out ${manifests}.sig COMMAND_ERROR_IS_FATAL ANY)
endif()
