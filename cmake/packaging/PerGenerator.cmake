# Read by cpack for each generator.
set(CPACK_COMPONENTS_GROUPING ALL_COMPONENTS_IN_ONE)
if(CPACK_GENERATOR MATCHES "TGZ|ZIP")
  set(CPACK_COMPONENTS_ALL plugin)
  # The bundle unpacks below any prefix: lib/cim/plugins is then one of plugins.dirs.
  set(CPACK_PACKAGE_FILE_NAME ${CPACK_CIM_BUNDLE_NAME})
  set(CPACK_PACKAGING_INSTALL_PREFIX /)
endif()
