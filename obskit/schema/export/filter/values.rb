# --- Values by type: [value, reason, milliseconds since 1970] --------------------------------

def read(field, value)
  case field[:type]
  when :keyword, :text then text(field, value)
  when :date then date(value)
  when :ip then address?(value) ? [value] : [nil, "not an IP address"]
  when :long, :double then number(field, value)
  when :boolean then value == true || value == false ? [value] : [nil, "not true or false"]
  else flattened(value)
  end
end

def text(field, value)
  return [nil, "not text"] unless value.is_a?(String)
  return [nil, "empty"] if value.length < field[:min_length] || (field[:min_length] > 0 && blank?(value))
  if field[:max_length] > 0 && value.length > field[:max_length]
    return [nil, "longer than " + field[:max_length].to_s + " characters"]
  end
  return [nil, "not of the form of the field"] if field[:pattern] && !value.match?(field[:pattern])
  return [nil, "not one of " + field[:allowed].join(" ")] if field[:allowed] && !field[:allowed].include?(value)
  [value]
end

# An expression takes longer than a look at the first byte, which is enough for most texts.
def blank?(value)
  first = value.getbyte(0)
  (first <= 0x20 || first >= 0x80) && value.match?(@blank)
end

# WARNING is WARN and critical is ERROR; what the source said stays beside it unless only its case differs.
def level_of(field, value, document)
  return value unless value.is_a?(String)
  return value if field[:allowed] && field[:allowed].include?(value)
  first = value.index(@ink)
  upper = first ? value[first..value.rindex(@ink)].upcase : ""
  return upper if field[:allowed] && field[:allowed].include?(upper)
  return value unless field[:synonyms].key?(upper)
  document["severity_text"] ||= value if field[:name] == "level"
  field[:synonyms][upper]
end

# The json filter makes BigDecimal of everything with a point or an exponent.
def plain_number(value)
  return value if value.is_a?(Integer)
  float = value.to_f
  float == float.floor && float.abs <= @exact ? float.to_i : float
end

def number(field, value)
  return [nil, "not a number"] unless value.is_a?(Numeric) && value.to_f.finite?
  value = plain_number(value)
  return [nil, "not a whole number"] if field[:type] == :long && !value.is_a?(Integer)
  return [nil, "below " + field[:minimum].to_s] if field[:minimum] && value < field[:minimum]
  return [nil, "above " + field[:maximum].to_s] if field[:maximum] && value > field[:maximum]
  [value]
end

def address?(value)
  return false unless value.is_a?(String)
  value.match?(@ipv4) || ipv6?(value)
end

def ipv6?(value)
  last = value.rindex(":")
  return false if last.nil?
  tail = value[(last + 1)..]
  if tail.include?(".") # the last 32 bits in the form of IPv4 stand for two groups
    return false unless tail.match?(@ipv4)
    value = value[0..last] + "0:0"
  end
  halves = value.split("::", -1)
  return false if halves.size > 2
  groups = halves.flat_map { |half| half.split(":", -1) }
  return false unless groups.all? { |group| group.match?(/\A\h{1,4}\z/) }
  halves.size == 2 ? groups.size <= 7 : groups.size == 8
end

def date(value)
  millis =
    if value.is_a?(String) then value.match?(/\A\d{10,19}\z/) ? epoch(value.to_f) : calendar(value)
    elsif value.is_a?(Numeric) && value.to_f.finite? then epoch(value.to_f)
    end
  return [nil, "no date and time with a zone"] unless millis && millis >= 0 && millis <= @last_instant
  stamp = Time.at(millis / 1000).utc.strftime("%Y-%m-%dT%H:%M:%S.") + (millis % 1000).to_s.rjust(3, "0") + "Z"
  [stamp, nil, millis]
end

# Seconds, milliseconds, microseconds or nanoseconds: the size of the number tells.
def epoch(number)
  return nil if number < 0
  scaled = number < 1e11 ? number * 1000 : number < 1e14 ? number : number < 1e17 ? number / 1000 : number / 1_000_000
  (scaled + 0.5).floor
end

def calendar(value)
  part = @date.match(value)
  return nil if part.nil?
  year, month, day, hour, minute, second = part[1].to_i, part[2].to_i, part[3].to_i, part[4].to_i, part[5].to_i, part[6].to_i
  offset = part[8] ? part[9].to_i * 60 + part[10].to_i : 0
  leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
  return nil if year < 1970 || month < 1 || month > 12 || day < 1 || hour > 23 || minute > 59 || second > 59
  return nil if day > @days[month] + (month == 2 && leap ? 1 : 0) || offset > 18 * 60 || part[10].to_i > 59
  millis = ((part[7] || "") + "000")[0, 3].to_i
  (Time.utc(year, month, day, hour, minute, second).to_i - (part[8] == "-" ? -offset : offset) * 60) * 1000 + millis
end

def flattened(value)
  return [nil, "not an object"] unless value.is_a?(Hash)
  cut = []
  kept = bounded(value, 1, "", cut)
  cut.empty? ? [kept] : [nil, "more than the index takes at " + cut.join(", ")]
end
