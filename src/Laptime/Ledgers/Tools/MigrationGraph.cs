namespace Laptime.Ledgers.Tools;

/// <summary>Migrations that name what they build on.</summary>
internal static class MigrationGraph
{
    /// <summary>Each after all it builds on; among equals by file. What is in a circle comes last.</summary>
    public static List<Migration> Order(List<Migration> migrations)
    {
        var ordered = new List<Migration>(migrations.Count);
        var byId = migrations.GroupBy(static m => m.Id).ToDictionary(static g => g.Key, static g => g.ToList());
        var waiting = new Dictionary<string, int>();
        var children = new Dictionary<string, List<string>>();
        foreach (var (id, same) in byId)
        {
            var parents = same.SelectMany(static m => m.Parents).Where(p => p != id && byId.ContainsKey(p)).Distinct().ToList();
            waiting[id] = parents.Count;
            foreach (var parent in parents)
            {
                (children.TryGetValue(parent, out var list) ? list : children[parent] = []).Add(id);
            }
        }

        var ready = new SortedSet<(string File, string Id)>(waiting.Where(static w => w.Value == 0).Select(w => (byId[w.Key][0].File, w.Key)));
        while (ready.Count > 0)
        {
            var next = ready.Min;
            ready.Remove(next);
            ordered.AddRange(byId[next.Id]);
            foreach (var child in children.GetValueOrDefault(next.Id) ?? [])
            {
                if (--waiting[child] == 0)
                {
                    ready.Add((byId[child][0].File, child));
                }
            }
        }

        if (ordered.Count < migrations.Count)
        {
            var done = ordered.ToHashSet();
            ordered.AddRange(migrations.Where(m => !done.Contains(m)));
        }

        return ordered;
    }

    /// <summary>The ids given and everything they build on.</summary>
    public static IReadOnlySet<string> Ancestors(IReadOnlyList<Migration> migrations, IEnumerable<string> ids)
    {
        var parents = migrations.ToLookup(static m => m.Id, static m => m.Parents.Concat(m.Replaces));
        var seen = new HashSet<string>();
        var stack = new Stack<string>(ids);
        while (stack.TryPop(out var id))
        {
            if (seen.Add(id))
            {
                foreach (var parent in parents[id].SelectMany(static p => p))
                {
                    stack.Push(parent);
                }
            }
        }

        return seen;
    }
}
