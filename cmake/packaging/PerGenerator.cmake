# Read by cpack for each generator.
set(CPACK_COMPONENTS_GROUPING ALL_COMPONENTS_IN_ONE)
if(CPACK_GENERATOR MATCHES "TGZ|ZIP")
  set(CPACK_COMPONENTS_ALL plugin)
  # The bundle is the plugin's folder itself, to be unpacked below plugins.dirs.
  set(CPACK_PACKAGE_FILE_NAME lpg-${CPACK_PACKAGE_VERSION}-${CPACK_SYSTEM_NAME}-${CPACK_SYSTEM_PROCESSOR})
endif()
