namespace Laptime.Building;

/// <summary>
/// What a step left in the component's folder beside its declared outputs (restored packages, intermediate files), found by looking before and after.
/// A step's record holds these traces as witnesses: when one vanished or was replaced (<c>git clean</c>), the step has to run again.
/// </summary>
/// <remarks>
/// Seen are entries that appeared in any folder that was there before, down to <see cref="Depth"/> levels, and changed files down to two levels.
/// A new folder stands for everything in it.
/// </remarks>
internal sealed class Traces
{
    private const int Depth = 8;
    private const int MostFolders = 4000;
    private readonly string root;
    private readonly Dictionary<string, (FileStamp Stamp, HashSet<string> Names)> folders = new(StringComparer.Ordinal);
    private readonly Dictionary<string, FileStamp> near = new(StringComparer.Ordinal);

    private Traces(string root) => this.root = root;

    /// <param name="root">The workspace.</param>
    /// <param name="folder">The component's path, relative to it.</param>
    public static Traces Before(string root, string folder)
    {
        var traces = new Traces(root);
        var open = new Queue<(string Path, int Level)>([(folder, 1)]);
        while (traces.folders.Count < MostFolders && open.TryDequeue(out var next))
        {
            var (path, level) = next;
            if (FileStamp.Read(Path.Combine(root, path)) is not { } stamp)
            {
                continue;
            }

            var names = new HashSet<string>(StringComparer.Ordinal);
            foreach (var (name, isFolder) in Tree.Entries(Path.Combine(root, path)))
            {
                names.Add(name);
                var child = Join(path, name);
                if (isFolder && level < Depth && name != "node_modules")
                {
                    open.Enqueue((child, level + 1));
                }

                if (level <= 2 && FileStamp.Read(Path.Combine(root, child)) is { } near)
                {
                    traces.near[child] = near;
                }
            }

            traces.folders[path] = (stamp, names);
        }

        return traces;
    }

    /// <summary>What appeared or changed since, with its identity now.</summary>
    public Dictionary<string, FileStamp> After()
    {
        var found = new Dictionary<string, FileStamp>(StringComparer.Ordinal);
        foreach (var (folder, (before, names)) in folders)
        {
            if (FileStamp.Read(Path.Combine(root, folder)) is not { } now || (now.IsSameEntry(before) && now.Modified == before.Modified))
            {
                continue;
            }

            foreach (var (name, _) in Tree.Entries(Path.Combine(root, folder)))
            {
                var child = Join(folder, name);
                if ((!names.Contains(name) || !now.IsSameEntry(before)) && FileStamp.Read(Path.Combine(root, child)) is { } stamp)
                {
                    found[child] = stamp;
                }
            }
        }

        foreach (var (path, before) in near)
        {
            if (FileStamp.Read(Path.Combine(root, path)) is { } now && (!now.IsSameEntry(before) || now.Changed != before.Changed))
            {
                found[path] = now;
            }
        }

        return found;
    }

    private static string Join(string folder, string name) => folder.Length == 0 ? name : $"{folder}/{name}";
}
