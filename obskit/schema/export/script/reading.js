// --- Reading a line --------------------------------------------------------------------------

// Numbers are doubles here. A whole number that a double cannot hold would arrive changed, so it is
// kept as text; the parser sees it in quotes. The first alternative steps over strings.
var TOKENS = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;

function keepBigNumbers(line) {
  if (!/\d{16}|\d[eE]\+?\d{2}/.test(line)) { return line; }
  return line.replace(TOKENS, function (token, at) {
    // A number in the place of a key is no JSON, and must not become it.
    if (token.charAt(0) === '"' || /^\s*:/.test(line.substring(at + token.length))) { return token; }
    var number = Number(token);
    var exact = /^-?\d+$/.test(token) ? Math.abs(number) <= 9007199254740991 : isFinite(number);
    return exact ? token : '"' + token + '"';
  });
}
