// --- Text ------------------------------------------------------------------------------------

// An escaped half of a surrogate pair without its other half is no character. The parsers differ
// in what they make of it (Logstash cuts the text there), so such a line goes to the quarantine.
function hasLoneSurrogate(line) {
  if (line.indexOf("\\u") < 0 || !/\\u[dD][89a-fA-F]/.test(line)) { return false; }
  var escape = /\\(?:u([0-9a-fA-F]{4})|.)/g;
  var awaited = -1; // where the second half has to stand
  for (var match = escape.exec(line); match !== null; match = escape.exec(line)) {
    var unit = match[1] ? parseInt(match[1], 16) : 0;
    var second = unit >= 0xdc00 && unit <= 0xdfff;
    if (second !== (awaited === match.index)) { return true; }
    if (awaited >= 0 && !second) { return true; }
    awaited = unit >= 0xd800 && unit <= 0xdbff ? match.index + 6 : -1;
  }
  return awaited >= 0;
}

// Characters as people and the schema count them: a surrogate pair is one.
function characters(text) {
  var count = text.length;
  for (var i = 0; i < text.length; i++) {
    var unit = text.charCodeAt(i);
    if (unit >= 0xd800 && unit <= 0xdbff) { count--; i++; }
  }
  return count;
}

// The longest start of the text that takes at most `limit` bytes of UTF-8.
function firstBytes(text, limit) {
  if (text.length * 3 <= limit) { return text; }
  var bytes = 0;
  for (var i = 0; i < text.length; i++) {
    var unit = text.charCodeAt(i);
    var pair = unit >= 0xd800 && unit <= 0xdbff;
    bytes += unit < 0x80 ? 1 : unit < 0x800 ? 2 : pair ? 4 : 3;
    if (bytes > limit) { return text.substring(0, i); }
    if (pair) { i++; }
  }
  return text;
}

// White space as Unicode has it; \s would add U+FEFF and lack U+0085.
var SPACE = "[\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]";
var BLANK = new RegExp("^" + SPACE + "*$");
var AROUND = new RegExp("^" + SPACE + "+|" + SPACE + "+$", "g");

// An expression takes longer than a look at the first unit, which is enough for most texts.
function isBlank(text) {
  var first = text.charCodeAt(0);
  return !(first > 0x20 && first < 0x80) && BLANK.test(text);
}
