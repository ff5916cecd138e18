/* cim/cim.h -- everything a plugin may use. */
#ifndef CIM_CIM_H
#define CIM_CIM_H

#include "cim/access.h"
#include "cim/analyses.h"
#include "cim/audit.h"
#include "cim/base.h"
#include "cim/batches.h"
#include "cim/bindings.h"
#include "cim/call.h"
#include "cim/crypt.h"
#include "cim/http.h"
#include "cim/jobs.h"
#include "cim/layers.h"
#include "cim/plugin.h"
#include "cim/renderers.h"
#include "cim/rows.h"
#include "cim/scope.h"
#include "cim/services.h"
#include "cim/store.h"
#include "cim/util.h"

#endif
