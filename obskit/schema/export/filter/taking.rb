# --- Taking values out of the parsed line ----------------------------------------------------
# What is found is [name, [[holder, key in its parent], …], key].

def direct(doc, field)
  name = field[:name]
  doc.key?(name) ? [name, [[doc, nil]], name] : nil
end

# The canonical name beats every alias, and aliases count in listed order. An object is no value of a
# plain field: {"host": {"name": "a"}} has its host at the alias host.name.
def find(doc, field)
  fallback = nil
  field[:paths].each_with_index do |(name, path), index|
    holders, key = locate(doc, name, path)
    next if holders.nil?
    return [name, holders, key] if field[:type] == "flattened" || !holders[-1][0][key].is_a?(Hash)
    fallback = [name, holders, key] if index == 0
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
