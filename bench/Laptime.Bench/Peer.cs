using Laptime.Processes;

namespace Laptime.Bench;

/// <summary>npm's turbo, the nearest thing to a no-op deploy that others have: the native program itself, without node in front.</summary>
internal sealed class Peer : IDisposable
{
    private readonly string? folder;

    /// <param name="given">A turbo that is there already, or null: npm fetches one.</param>
    public Peer(string? given)
    {
        if (given is not null)
        {
            Program = given;
            return;
        }

        folder = Directory.CreateTempSubdirectory("laptime-bench-turbo-").FullName;
        File.WriteAllText(Path.Combine(folder, "package.json"), """{ "name": "peer", "private": true }""");
        try
        {
            _ = Child.Run(new Command { Program = "npm", Arguments = ["install", "--no-audit", "--no-fund", "--silent", "turbo"], Directory = folder }, Path.Combine(folder, "npm.out"));
            Program = Directory.EnumerateFiles(Path.Combine(folder, "node_modules", "@turbo"), "turbo", SearchOption.AllDirectories).FirstOrDefault();
        }
        catch (Exception e) when (e is InvalidOperationException or IOException or System.ComponentModel.Win32Exception)
        {
            Trouble = e.Message.Split('\n')[0];
        }

        if (Program is null)
        {
            Console.Error.WriteLine($"bench: the peer (turbo) is not here and npm cannot fetch it; its column stays empty. {Trouble}");
        }
    }

    /// <summary>Null: not to be had.</summary>
    public string? Program { get; }

    public string? Trouble { get; }

    /// <summary>`turbo run build`, everything in its cache.</summary>
    public Command Build(BenchTree tree) => tree.InTree(Program!, "run", "build", "--output-logs=none", "--no-update-notifier") with
    {
        Environment = new Dictionary<string, string?> { ["TURBO_TELEMETRY_DISABLED"] = "1", ["DO_NOT_TRACK"] = "1", ["CI"] = null },
    };

    public void Dispose()
    {
        if (folder is not null)
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
