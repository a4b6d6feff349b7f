// nim_cpp_api.h: all of the C++ binding.
#ifndef NIM_CPP_API_H
#define NIM_CPP_API_H

#include "nim_cpp_client.h"
#include "nim_cpp_data_sync.h"
#include "nim_cpp_dispatch.h"
#include "nim_cpp_global.h"
#include "nim_cpp_msglog.h"
#include "nim_cpp_session.h"
#include "nim_cpp_talk.h"
#include "nim_cpp_tool.h"

#endif
