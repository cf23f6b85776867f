// --- Taking values out of the parsed line ----------------------------------------------------

// The value at a name: as a key that contains the dots, else as nested objects.
function locate(doc, name) {
  if (has(doc, name)) { return { parents: [], holder: doc, key: name, value: doc[name] }; }
  if (name.indexOf(".") < 0) { return null; }
  var path = name.split(".");
  var holder = doc;
  var parents = [];
  for (var i = 0; i < path.length - 1; i++) {
    if (!has(holder, path[i]) || !isObject(holder[path[i]])) { return null; }
    parents.push({ holder: holder, key: path[i] });
    holder = holder[path[i]];
  }
  var key = path[path.length - 1];
  return has(holder, key) ? { parents: parents, holder: holder, key: key, value: holder[key] } : null;
}

// Removes what was located, and the parents that it leaves empty.
function take(found) {
  delete found.holder[found.key];
  for (var i = found.parents.length - 1; i >= 0; i--) {
    var parent = found.parents[i];
    if (!isEmpty(parent.holder[parent.key])) { return; }
    delete parent.holder[parent.key];
  }
}

// The canonical name beats every alias, and aliases count in listed order. An object is no value of
// a plain field: {"host": {"name": "a"}} has its host at the alias host.name.
function find(doc, field) {
  var fallback = null;
  for (var i = 0; i < field.names.length; i++) {
    var found = locate(doc, field.names[i]);
    if (found === null) { continue; }
    found.name = field.names[i];
    if (field.type === "flattened" || !isObject(found.value)) { return found; }
    if (i === 0) { fallback = found; }
  }
  return fallback;
}
