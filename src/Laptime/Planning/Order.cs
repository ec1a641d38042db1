using Laptime.Workspaces;

namespace Laptime.Planning;

/// <summary>Orders of components. The workspace is free of cycles: its loader saw to that.</summary>
public static class Order
{
    /// <summary>What is used comes before what uses it; otherwise the file's order.</summary>
    public static IReadOnlyList<Component> ByUses(Workspace workspace) => Sort(workspace, static c => c.Uses);

    /// <summary>First what uses nothing, then what uses only these, and so on: those of one depth do not wait for each other.</summary>
    public static IReadOnlyList<Component> ByDepth(Workspace workspace)
    {
        var depths = new Dictionary<string, int>(StringComparer.Ordinal);
        var order = ByUses(workspace);
        foreach (var component in order)
        {
            depths[component.Name] = component.Uses.Select(u => depths.GetValueOrDefault(u, -1) + 1).DefaultIfEmpty(0).Max();
        }

        return [.. order.OrderBy(c => depths[c.Name])];
    }

    /// <summary>What is needed comes before what needs it; otherwise the file's order.</summary>
    public static IReadOnlyList<Component> ByNeeds(Workspace workspace) => Sort(workspace, static c => c.Needs);

    /// <summary>What is needed, and what a restart follows, comes before what needs it or is restarted for it; otherwise the file's order.</summary>
    public static IReadOnlyList<Component> ByRollout(Workspace workspace) => Sort(workspace, static c => [.. c.Needs.Union(c.Reconciles, StringComparer.Ordinal)]);

    private static List<Component> Sort(Workspace workspace, Func<Component, IReadOnlyList<string>> before)
    {
        var sorted = new List<Component>(workspace.Components.Count);
        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (var component in workspace.Components)
        {
            Visit(component);
        }

        return sorted;

        void Visit(Component component)
        {
            if (!seen.Add(component.Name))
            {
                return;
            }

            foreach (var name in before(component))
            {
                if (workspace.Find(name) is { } earlier)
                {
                    Visit(earlier);
                }
            }

            sorted.Add(component);
        }
    }
}
