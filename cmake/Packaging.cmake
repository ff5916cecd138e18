# What is installed beside the targets' own rules, and how it is packed:
#   cpack -G DEB    one Debian package of host and plugin
#   cpack -G TGZ    the plugin alone, its manifest with the checksum of every file (also -G ZIP)
# Component "plugin" is the plugin; all others belong to the platform.

install(DIRECTORY sdk-shim/console/dist/ DESTINATION share/cim/console COMPONENT host)
install(FILES cmake/packaging/host.json DESTINATION share/cim COMPONENT host)
install(FILES cmake/packaging/cim-host.service DESTINATION lib/systemd/system COMPONENT host)
install(FILES LICENSE README.md README.zh-CN.md CHANGELOG.md
  DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT host)
install(DIRECTORY docs DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT host)

set(CPACK_PACKAGE_NAME cim-lpg)
set(CPACK_PACKAGE_VENDOR "The cim-lpg authors")
set(CPACK_PACKAGE_CONTACT "The cim-lpg authors <maintainers@example.org>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "${PROJECT_DESCRIPTION}")
set(CPACK_RESOURCE_FILE_LICENSE ${PROJECT_SOURCE_DIR}/LICENSE)
set(CPACK_PACKAGE_DIRECTORY ${PROJECT_BINARY_DIR}/packages)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_VERBATIM_VARIABLES ON)

set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION science)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
# Pictures write Chinese.
set(CPACK_DEBIAN_PACKAGE_DEPENDS "adduser, fonts-noto-cjk")
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA ${PROJECT_SOURCE_DIR}/cmake/packaging/postinst)

set(CPACK_ARCHIVE_COMPONENT_INSTALL ON)
string(TOLOWER "lpg-${PROJECT_VERSION}-${CMAKE_SYSTEM_NAME}-${CMAKE_SYSTEM_PROCESSOR}"
  CPACK_CIM_BUNDLE_NAME)
set(CPACK_PROJECT_CONFIG_FILE ${PROJECT_SOURCE_DIR}/cmake/packaging/PerGenerator.cmake)
set(CPACK_PRE_BUILD_SCRIPTS ${PROJECT_SOURCE_DIR}/cmake/packaging/Checksums.cmake)
include(CPack)
