using Laptime.Workspaces.Yaml;

namespace Laptime.Workspaces.Compose;

/// <summary>
/// Joins a later file (or a service that extends another) to an earlier one as compose does: mappings key by key; lists are put together, but a command
/// replaces a command, and a port, volume, config or secret replaces the one for the same place. <c>!reset</c> takes the key away, <c>!override</c> replaces it whole.
/// </summary>
internal static class ComposeJoin
{
    public static ComposeNode Join(ComposeNode below, ComposeNode above) => Join(below, above, "");

    /// <param name="path">Keys from the root; the name of a service stands as <c>*</c>.</param>
    private static ComposeNode Join(ComposeNode below, ComposeNode above, string path)
    {
        if (above.Tag == "!override")
        {
            return Clean(above);
        }

        if (above.IsNull)
        {
            return below;
        }

        if (below.Kind != above.Kind || above.Kind == YamlKind.Scalar)
        {
            return Clean(above);
        }

        if (above.Kind == YamlKind.List)
        {
            return path switch
            {
                "services.*.command" or "services.*.entrypoint" or "services.*.healthcheck.test" => Clean(above),
                "services.*.ports" => ByPlace(below, above, static n => $"{n.TextOf("host_ip")} {n.TextOf("published")} {n.TextOf("target")} {n.TextOf("protocol") ?? "tcp"}"),
                "services.*.volumes" => ByPlace(below, above, static n => n.TextOf("target") ?? ""),
                "services.*.configs" or "services.*.secrets" => ByPlace(below, above, static n => n.TextOf("target") ?? n.TextOf("source") ?? ""),
                _ => ByPlace(below, above, static n => n.Kind == YamlKind.Scalar ? n.Text : null),
            };
        }

        var joined = below;
        foreach (var entry in above.Entries)
        {
            var key = path == "services" ? "*" : entry.Key;
            var below2 = below[entry.Key];
            joined = joined.With(entry.Key, entry.Value.Tag == "!reset" ? null : below2 is null ? Clean(entry.Value) : Join(below2, entry.Value, path.Length == 0 ? key : path + "." + key));
        }

        return joined;
    }

    /// <summary>Without what <c>!reset</c> takes away also where there is nothing below it.</summary>
    public static ComposeNode Clean(ComposeNode node)
    {
        switch (node.Kind)
        {
            case YamlKind.Map:
                var entries = new List<ComposeEntry>(node.Entries.Count);
                foreach (var entry in node.Entries)
                {
                    if (entry.Value.Tag != "!reset")
                    {
                        entries.Add(entry with { Value = Clean(entry.Value) });
                    }
                }

                return node with { Entries = entries, Tag = null };
            case YamlKind.List:
                return node with { Items = [.. node.Items.Where(static i => i.Tag != "!reset").Select(Clean)], Tag = null };
            default:
                return node.Tag is null ? node : node with { Tag = null };
        }
    }

    /// <summary>An entry of <paramref name="above"/> takes the place of the one with the same key; others are added at the end. Null: never the same.</summary>
    private static ComposeNode ByPlace(ComposeNode below, ComposeNode above, Func<ComposeNode, string?> place)
    {
        var items = new List<ComposeNode>(below.Items);
        foreach (var item in above.Items)
        {
            var at = place(item) is { } key ? items.FindIndex(i => place(i) == key) : -1;
            if (at >= 0)
            {
                items[at] = Clean(item);
            }
            else
            {
                items.Add(Clean(item));
            }
        }

        return below with { Items = items };
    }
}
