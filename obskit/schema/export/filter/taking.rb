# --- Taking values out of the parsed line ----------------------------------------------------
# What is found is [name, [[holder, key in its parent], …], key].

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
  fallback = nil
  places.each do |place|
    name, path = field[:paths][place]
    holders, key = locate(doc, name, path)
    next if holders.nil?
    return [name, holders, key] if field[:type] == "flattened" || !holders[-1][0][key].is_a?(Hash)
    fallback = [name, holders, key] if place == 0
  end
  fallback
end

# The value at a name: as a key that contains the dots, else as nested objects.
def locate(doc, name, path)
  return [[[doc, nil]], name] if doc.key?(name)
  return nil if path.size == 1 || !doc[path[0]].is_a?(Hash)
  holders, holder = [[doc, nil]], doc
  path[0..-2].each do |key|
    holder = holder[key]
    return nil unless holder.is_a?(Hash)
    holders << [holder, key]
  end
  holder.key?(path[-1]) ? [holders, path[-1]] : nil
end

# Removes a value, and the objects that this leaves empty.
def take(holders, key)
  holders[-1][0].delete(key)
  (holders.size - 1).downto(1) do |index|
    return unless holders[index][0].empty?
    holders[index - 1][0].delete(holders[index][1])
  end
end

def set(document, path, value)
  holder = document
  path[0..-2].each { |key| holder = (holder[key] ||= {}) }
  holder[path[-1]] = value
end
