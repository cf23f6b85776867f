// --- Attributes ------------------------------------------------------------------------------

// A flattened field refuses more than 20 levels, and silently leaves out of its index every leaf above
// `ignore_above`. Both are cut here, and their paths listed, so that nothing is lost unseen.
function bounded(value, depth, path, cut) {
  if (typeof value === "string") {
    var kept = firstBytes(value, LIMITS.leafBytes);
    if (kept.length < value.length) { cut.push(path); }
    return kept;
  }
  if (value === null || typeof value !== "object") { return value; }
  if (depth > LIMITS.depth) {
    cut.push(path);
    return firstBytes(JSON.stringify(value), LIMITS.leafBytes);
  }
  var i, key, copy;
  if (Array.isArray(value)) {
    copy = [];
    for (i = 0; i < value.length; i++) { copy.push(bounded(value[i], depth + 1, path, cut)); }
    return copy;
  }
  copy = {};
  for (key in value) {
    if (!has(value, key)) { continue; }
    // Elasticsearch refuses the whole document for a NUL in a key.
    var name = key.indexOf("\u0000") < 0 ? key : key.split("\u0000").join("\ufffd");
    name = firstBytes(name, LIMITS.keyBytes);
    var below = path === "" ? name : path + "." + name;
    if (name.length < key.length) { cut.push(below); }
    put(copy, name, bounded(value[key], depth + 1, below, cut));
  }
  return copy;
}

// What the service put below `attributes` stays as it is; every other key that is left joins it. A key
// that is taken gets underscores: neither value is lost.
function collect(doc, declared) {
  var extra = {};
  var key;
  for (key in declared) { if (has(declared, key)) { put(extra, key, declared[key]); } }
  for (key in doc) {
    if (!has(doc, key)) { continue; }
    var name = key;
    while (has(extra, name)) { name += "_"; }
    put(extra, name, doc[key]);
  }
  return extra;
}
