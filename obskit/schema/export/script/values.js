// --- Values by type --------------------------------------------------------------------------
// Each returns {value: …} or {reason: "…"}.

// Looser than the schema's own pattern, where the instant is certain all the same.
var DATE = /^(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:[.,](\d+))? ?(?:[Zz]|([+-])(\d\d)(?::?(\d\d))?)$/;
var LAST_INSTANT = 253402300799999; // the end of the year 9999, in milliseconds

function asDate(field, value) {
  var millis = typeof value === "string" ? (/^\d{10,19}$/.test(value) ? ofEpoch(+value) : ofText(value)) :
    typeof value === "number" ? ofEpoch(value) : NaN;
  if (!(millis >= 0 && millis <= LAST_INSTANT)) { return { reason: "no date and time with a zone" }; }
  var date = new Date(millis);
  return { date: date, value: date.toISOString() };
}

// Seconds, milliseconds, microseconds or nanoseconds: the size of the number tells.
function ofEpoch(number) {
  if (number < 0) { return NaN; }
  return Math.floor((number < 1e11 ? number * 1000 : number < 1e14 ? number : number < 1e17 ? number / 1000 :
    number / 1000000) + 0.5);
}

function ofText(text) {
  var part = DATE.exec(text);
  if (part === null) { return NaN; }
  var year = +part[1], month = +part[2], day = +part[3];
  var leap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  var days = [0, 31, leap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
  var offset = part[8] ? +part[9] * 60 + +(part[10] || 0) : 0;
  if (year < 1970 || month > 12 || day < 1 || !(day <= days[month]) || +part[4] > 23 || +part[5] > 59 ||
      +part[6] > 59 || offset > 18 * 60 || +(part[10] || 0) > 59) { return NaN; }
  var millis = +((part[7] || "") + "000").substring(0, 3);
  return Date.UTC(year, month - 1, day, +part[4], +part[5], +part[6], millis) -
    (part[8] === "-" ? -offset : offset) * 60000;
}

function asText(field, value) {
  if (typeof value !== "string") { return { reason: "not text" }; }
  // Counting characters takes time, and a text has no more of them than units.
  if (field.minLength > 0 && (characters(value) < field.minLength || isBlank(value))) { return { reason: "empty" }; }
  if (field.maxLength > 0 && value.length > field.maxLength && characters(value) > field.maxLength) {
    return { reason: "longer than " + field.maxLength + " characters" };
  }
  if (field.pattern !== null && !field.pattern.test(value)) { return { reason: "not of the form of the field" }; }
  if (field.allowed !== null && field.allowed.indexOf(value) < 0) {
    return { reason: "not one of " + field.allowed.join(" ") };
  }
  return { value: value };
}

function asNumber(field, value) {
  if (typeof value !== "number" || !isFinite(value)) { return { reason: "not a number" }; }
  if (field.type === "long" && Math.floor(value) !== value) { return { reason: "not a whole number" }; }
  if (field.minimum !== null && value < field.minimum) { return { reason: "below " + field.minimum }; }
  if (field.maximum !== null && value > field.maximum) { return { reason: "above " + field.maximum }; }
  return { value: value };
}

var IPV4 = /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)\.){3}(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)$/;

function isIPv6(text) {
  var last = text.lastIndexOf(":");
  if (last < 0) { return false; }
  var tail = text.substring(last + 1);
  if (tail.indexOf(".") >= 0) { // the last 32 bits in the form of IPv4 stand for two groups
    if (!IPV4.test(tail)) { return false; }
    text = text.substring(0, last + 1) + "0:0";
  }
  var halves = text.split("::");
  if (halves.length > 2) { return false; }
  var count = 0;
  for (var i = 0; i < halves.length; i++) {
    if (halves[i] === "") { continue; }
    var groups = halves[i].split(":");
    for (var j = 0; j < groups.length; j++) {
      if (!/^[0-9a-fA-F]{1,4}$/.test(groups[j])) { return false; }
    }
    count += groups.length;
  }
  return halves.length === 2 ? count <= 7 : count === 8;
}

function asAddress(field, value) {
  if (typeof value === "string" && (IPV4.test(value) || isIPv6(value))) { return { value: value }; }
  return { reason: "not an IP address" };
}

function asBoolean(field, value) {
  return typeof value === "boolean" ? { value: value } : { reason: "not true or false" };
}

function asFlattened(field, value) {
  if (!isObject(value)) { return { reason: "not an object" }; }
  var cut = [];
  var kept = bounded(value, 1, "", cut);
  return cut.length === 0 ? { value: kept } : { reason: "more than the index takes at " + cut.join(", ") };
}

var READERS = {
  date: asDate, keyword: asText, text: asText, ip: asAddress, long: asNumber, double: asNumber, boolean: asBoolean,
  flattened: asFlattened
};
