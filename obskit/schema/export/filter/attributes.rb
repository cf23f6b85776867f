# --- Attributes -------------------------------------------------------------------------------

# What the service put below `attributes` stays as it is; every other key that is left joins it. A key
# that is taken gets underscores: neither value is lost.
def collect(doc, declared)
  return declared if doc.empty?
  extra = declared.dup
  doc.each do |key, value|
    key += "_" while extra.key?(key)
    extra[key] = value
  end
  extra
end

# A flattened field refuses more than 20 levels, and silently leaves out of its index every leaf above
# `ignore_above`. Both are cut here, and their paths listed, so that nothing is lost unseen.
def bounded(value, depth, path, cut)
  case value
  when String
    kept = first_bytes(value, @limits[:leaf_bytes])
    cut << path if kept.length < value.length
    kept
  when Hash, Array
    if depth > @limits[:depth]
      cut << path
      return first_bytes(json_text(value, @limits[:leaf_bytes]), @limits[:leaf_bytes])
    end
    return value.map { |item| bounded(item, depth + 1, path, cut) } if value.is_a?(Array)
    value.each_with_object({}) do |(key, item), copy|
      name = first_bytes(key.include?("\u0000") ? key.tr("\u0000", "\uFFFD") : key, @limits[:key_bytes])
      below = path.empty? ? name : path + "." + name
      cut << below if name.length < key.length
      copy[name] = bounded(item, depth + 1, below, cut)
    end
  when Numeric then plain_number(value)
  else value
  end
end

# The JSON text of a value, as far as it is needed. A stack of its own: a worker has not enough for 480 levels.
def json_text(value, limit)
  text, waiting = +"", [value]
  until waiting.empty? || text.bytesize > limit
    item = waiting.pop
    case item
    when Symbol then text << item.to_s
    when Hash then waiting.concat(listed(:"{", item.map { |key, inner| [key, :":", inner] }, :"}").reverse)
    when Array then waiting.concat(listed(:"[", item.map { |inner| [inner] }, :"]").reverse)
    when Numeric then text << JSON.generate(plain_number(item))
    else text << JSON.generate(item)
    end
  end
  text
end

def listed(opening, entries, closing)
  parts = [opening]
  entries.each_with_index { |entry, index| parts.push(*(index == 0 ? entry : [:",", *entry])) }
  parts << closing
end

# The longest start of whole characters that takes at most so many bytes of UTF-8.
def first_bytes(text, limit)
  text.bytesize <= limit ? text : text.byteslice(0, limit).scrub("")
end
