# --- Taking values out of the parsed line ----------------------------------------------------
# What is found is [name, holder, key, way]: the object that holds the value, its key there, and the objects
# above with their keys, outermost first; no way where the event itself is the holder.

# For each field the places of the names that the event may have.
def candidates_of(doc)
  found = {}
  doc.each_key do |key|
    list = @candidates[key]
    list.each { |index, place| (found[index] ||= []) << place } if list
  end
  found
end

# The canonical name beats every alias, and aliases count in listed order. An object is no value of a
# plain field: {"host": {"name": "a"}} has its host at the alias host.name.
def find(doc, field, places)
  places.sort! if places.size > 1
  fallback, at = nil, 0
  while at < places.size # leaving a block by return is an exception to JRuby
    name, path = field[:paths][places[at]]
    found = locate(doc, name, path)
    if found
      return found if field[:type] == :flattened || !found[1][found[2]].is_a?(Hash)
      fallback = found if places[at] == 0
    end
    at += 1
  end
  fallback
end

# The value at a name: as a key that contains the dots, else as nested objects.
def locate(doc, name, path)
  return [name, doc, name, nil] if doc.key?(name)
  return nil if path.size == 1 || !doc[path[0]].is_a?(Hash)
  way, holder = [], doc
  path[0..-2].each do |key|
    way << [holder, key]
    holder = holder[key]
    return nil unless holder.is_a?(Hash)
  end
  holder.key?(path[-1]) ? [name, holder, path[-1], way] : nil
end

# Removes a value, and the objects that this leaves empty.
def take(holder, key, way)
  holder.delete(key)
  return if way.nil?
  way.reverse_each do |above, name|
    return unless above[name].empty?
    above.delete(name)
  end
end

def set(document, path, value)
  return document[path[0]] = value if path.size == 1
  holder = document
  path[0..-2].each { |key| holder = (holder[key] ||= {}) }
  holder[path[-1]] = value
end
