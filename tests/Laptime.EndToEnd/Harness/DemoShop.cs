using System.Globalization;

namespace Laptime.EndToEnd.Harness;

/// <summary>examples/shop as `lap demo` brings it along, in a folder of its own and on free ports.</summary>
internal static class DemoShop
{
    private static readonly string[] Written = ["18080", "18081", "18082", "18180", "18181", "18182", "18280", "18281", "18282"];

    /// <summary>A workspace that is the shop, and the free port in place of each that examples/shop/laptime.yaml writes.</summary>
    public static async Task<(LapWorkspace Workspace, IReadOnlyDictionary<int, int> Ports)> CopyAsync()
    {
        var workspace = await LapWorkspace.EmptyAsync();
        var source = Path.Combine(Lap.Root, ".out", "cli", "demo", "shop");
        foreach (var file in Directory.EnumerateFiles(source, "*", SearchOption.AllDirectories))
        {
            workspace.Write(Path.GetRelativePath(source, file), await File.ReadAllTextAsync(file, workspace.Cancel));
        }

        var ports = Written.ToDictionary(p => int.Parse(p, CultureInfo.InvariantCulture), _ => Harness.Ports.Free());
        foreach (var (written, free) in ports)
        {
            workspace.Edit("laptime.yaml", $"{written}", $"{free}");
        }

        return (workspace, ports);
    }
}
