// Compiled into ssh2's cipher addon before everything else: its objects are wrapped by nan, not by node::ObjectWrap.
//
// The destructor of node::ObjectWrap in Node 24 takes back a cleanup hook, for which it needs the current environment.
// A collection that starts with no JavaScript on the stack has none, and the process aborts (nodejs/node#65195 is the
// sibling at exit). The include guard keeps that class out; nan's has the same interface and no hooks.
#define SRC_NODE_OBJECT_WRAP_H_
#include <nan.h>

namespace node {
using ObjectWrap = Nan::ObjectWrap;
}
