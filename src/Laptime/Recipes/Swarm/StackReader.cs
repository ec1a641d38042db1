using System.Globalization;
using System.Text;
using Laptime.Fingerprints;
using Laptime.Foundations;
using Laptime.Recipes.Reading;

namespace Laptime.Recipes.Swarm;

/// <summary>Reads a version of a recipe as one stack will have it, with what the lane and this machine's kernel lay over it.</summary>
/// <param name="ingressWorks">False where the kernel has no IPVS: neither virtual addresses nor the mesh of published ports work.</param>
internal sealed class StackReader(Placement placement, bool ingressWorks)
{
    private readonly RunSecrets secrets = new(placement.Folder);
    private readonly List<string> notes = [];

    /// <summary>What of that the recipe did not ask for, of every version that was read; each in a sentence.</summary>
    public IReadOnlyList<string> Notes => notes;

    public static bool IngressWorks(bool isLocal) => !OperatingSystem.IsLinux() || !isLocal || File.Exists("/proc/net/ip_vs");

    /// <exception cref="LapException">The recipe is wrong.</exception>
    public StackVersion Read(PlacedVersion version)
    {
        var settings = placement.Recipe.Settings;
        var own = version.IsBare ? settings with { OverlayEnvironment = null, OverlayBaseOnly = null } : settings;
        var recipe = ComposeRecipe.Read(version.Folder, placement.Id, own, placement.Exports, version.IsBase);
        var overlays = new List<string>();
        if (placement.Lane == Lane.Fast)
        {
            var fast = FastLane.Overlay(recipe);
            Add(fast.Overlay, fast.Notes);
            notes.AddRange(FastLane.Hurries.Except(notes));
        }

        if (!ingressWorks)
        {
            var (overlay, told) = KernelOverlay(recipe);
            Add(overlay, told);
        }

        return new StackVersion
        {
            Recipe = recipe,
            Facts = recipe.Facts(SwarmDriver.TagOf(recipe.Main.Compose.Image)),
            Folder = recipe.Folder,
            Files = [.. recipe.Files, .. overlays.Select(text => Write(text, recipe))],
            Environment = recipe.Env,
            Secrets = recipe.Secrets.ToDictionary(static s => s.Target, s => (Func<string>)(() => secrets.ValueOf(s)), StringComparer.Ordinal),
            Networks = recipe.ExternalNetworks,
            Volumes = recipe.Project.Volumes.Where(static v => !v.External).ToDictionary(static v => v.Name, v => v.ActualName ?? $"{placement.Id}_{v.Name}", StringComparer.Ordinal),
            Ready = settings.Ready,
            Port = settings.Ready.GetValueOrDefault(recipe.Main.Name)?.Port ?? recipe.Main.Port,
            IsShared = recipe.Project.Networks.Any(n => n.External && recipe.Main.Compose.Networks.ContainsKey(n.Name)),
        };

        void Add(string? overlay, IReadOnlyList<string> told)
        {
            if (overlay is not null)
            {
                overlays.Add(overlay);
                notes.AddRange(told.Where(n => !notes.Contains(n)));
            }
        }
    }

    /// <summary>Names lead to tasks themselves, and ports are those of the node.</summary>
    private static (string? Overlay, IReadOnlyList<string> Notes) KernelOverlay(ComposeRecipe recipe)
    {
        var (text, names) = (new StringBuilder("services:\n"), new List<string>());
        foreach (var service in recipe.Services)
        {
            var deploy = service.Compose.Node.Given("deploy");
            if (deploy?.Given("endpoint_mode") is not null)
            {
                continue;
            }

            names.Add(service.Name);
            text.Append(CultureInfo.InvariantCulture, $"  \"{service.Name}\":\n    deploy:\n      endpoint_mode: dnsrr\n");
            var ports = service.Compose.Ports.Where(static p => p is { Published: not null, Mode: null or "ingress" }).ToList();
            if (ports.Count > 0)
            {
                text.Append("    ports:\n");
                foreach (var port in ports)
                {
                    text.Append(CultureInfo.InvariantCulture, $"      - {{ target: {port.Target}, published: {port.Published}, protocol: {port.Protocol}, mode: host }}\n");
                }
            }
        }

        return names.Count == 0 ? (null, []) : (text.ToString(),
            [$"this kernel has no IPVS, so names lead to tasks directly (`endpoint_mode: dnsrr`) and published ports are the node's own (`mode: host`): {string.Join(", ", names)}"]);
    }

    /// <summary>The docker command takes files of one version only.</summary>
    private string Write(string overlay, ComposeRecipe recipe)
    {
        var version = recipe.Project.Root.TextOf("version");
        var text = version is null ? overlay : $"version: \"{version}\"\n{overlay}";
        var file = Path.Combine(placement.Folder, $"overlay-{Digest.Of(text).Short}.yml");
        AtomicFile.Write(file, text);
        return file;
    }
}
