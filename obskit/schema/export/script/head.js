// ---------------------------------------------------------------------------------------------
// The engine. It knows no field by name but those that the design itself names: `timestamp`,
// `level` with `severity_text`, `trace_id` with `span_id`, `host`, `environment`, `version` and
// `attributes`. Everything else is in the tables above. ECMAScript 5.1 only: Filebeat runs it in
// goja, without modules, promises or template strings.
//
// normalise(line, shipper) is pure: text in, {document} or {reasons, document} out.
// process(event) is what Filebeat calls; it alone touches the event.
// ---------------------------------------------------------------------------------------------

var hasOwn = Object.prototype.hasOwnProperty;
var NOTHING = [];

function has(object, key) { return hasOwn.call(object, key); }

function isObject(value) {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}

function isEmpty(object) {
  for (var key in object) { if (has(object, key)) { return false; } }
  return true;
}

// An ordinary assignment of "__proto__" would change the object's prototype and lose the value.
function put(object, key, value) {
  if (key === "__proto__") {
    Object.defineProperty(object, key, { value: value, enumerable: true, configurable: true, writable: true });
  } else {
    object[key] = value;
  }
}
