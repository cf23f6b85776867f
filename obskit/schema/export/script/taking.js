// --- Taking values out of the parsed line ----------------------------------------------------

// First key of every name → [field, name] by their places in FIELDS. An event has some ten keys, the schema some
// two hundred names: only names that begin with a key of the event are looked for.
var CANDIDATES = Object.create(null); // so that a look-up finds no inherited key

(function () {
  function add(key, field, name) {
    if (CANDIDATES[key] === undefined) { CANDIDATES[key] = []; }
    CANDIDATES[key].push([field, name]);
  }
  for (var i = 0; i < FIELDS.length; i++) {
    FIELDS[i].paths = [];
    for (var j = 0; j < FIELDS[i].names.length; j++) {
      var path = FIELDS[i].names[j].split(".");
      FIELDS[i].paths.push(path);
      add(FIELDS[i].names[j], i, j);
      if (path.length > 1) { add(path[0], i, j); }
    }
  }
}());

// For each field the places of the names that the event may have, in no order.
function candidatesOf(doc) {
  var found = [];
  for (var key in doc) {
    var list = CANDIDATES[key];
    if (list === undefined) { continue; }
    for (var i = 0; i < list.length; i++) {
      if (found[list[i][0]] === undefined) { found[list[i][0]] = [list[i][1]]; }
      else { found[list[i][0]].push(list[i][1]); }
    }
  }
  return found;
}

// The value at a name: as a key that contains the dots, else as nested objects.
function locate(doc, name, path) {
  if (has(doc, name)) { return { name: name, parents: NOTHING, holder: doc, key: name, value: doc[name] }; }
  if (path.length === 1) { return null; }
  var holder = doc;
  var parents = [];
  for (var i = 0; i < path.length - 1; i++) {
    if (!has(holder, path[i]) || !isObject(holder[path[i]])) { return null; }
    parents.push({ holder: holder, key: path[i] });
    holder = holder[path[i]];
  }
  var key = path[i];
  return has(holder, key) ? { name: name, parents: parents, holder: holder, key: key, value: holder[key] } : null;
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
function find(doc, field, places) {
  if (places.length > 1) { places.sort(function (one, other) { return one - other; }); }
  var fallback = null;
  for (var i = 0; i < places.length; i++) {
    var found = locate(doc, field.names[places[i]], field.paths[places[i]]);
    if (found === null) { continue; }
    if (field.type === "flattened" || !isObject(found.value)) { return found; }
    if (places[i] === 0) { fallback = found; }
  }
  return fallback;
}
