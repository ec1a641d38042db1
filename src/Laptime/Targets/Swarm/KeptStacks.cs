using System.Globalization;
using Laptime.Fingerprints;
using Laptime.Foundations;
using Laptime.Workspaces;
using Laptime.Workspaces.Compose;

namespace Laptime.Targets.Swarm;

/// <summary>
/// What each service was deployed with, so that a rollback finds the settings of then: the service as <c>docker stack deploy</c> got it, without what belongs to one deploy only. An ordinary
/// compose file each, named by its content's digest, for nobody else to read; of configs and secrets it holds the names in the swarm (which end in their content's hash), never the content.
/// </summary>
/// <param name="folder">Absolute; need not be there.</param>
internal sealed class KeptStacks(string folder)
{
    private const string Ending = ".json";
    private const UnixFileMode Private = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    public Digest Save(string component, byte[] stack)
    {
        var digest = Digest.Of(stack);
        if (!File.Exists(PathOf(component, digest)))
        {
            if (OperatingSystem.IsWindows())
            {
                Directory.CreateDirectory(folder);
            }
            else
            {
                Directory.CreateDirectory(folder, Private | UnixFileMode.UserExecute);
            }

            AtomicFile.Write(PathOf(component, digest), stack, mode: Private);
        }

        return digest;
    }

    /// <summary>Null: it is not here (any more), or somebody changed it.</summary>
    public KeptStack? Find(string component, Digest digest)
    {
        var path = PathOf(component, digest);
        try
        {
            return !digest.IsNone && File.Exists(path) && Digest.Of(File.ReadAllBytes(path)) == digest ? KeptStack.Of(ComposeFile.Read([path], static _ => null), component) : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or LapException)
        {
            return null;
        }
    }

    /// <summary>Removes those of the component that are not in <paramref name="wanted"/>.</summary>
    public void Keep(string component, IReadOnlySet<Digest> wanted)
    {
        var paths = wanted.Select(d => PathOf(component, d)).ToHashSet(StringComparer.Ordinal);
        foreach (var file in Files().Where(f => Path.GetFileName(f) is var name && name.Length == component.Length + (Digest.Size * 2) + Ending.Length + 1
            && name.StartsWith(component + ".", StringComparison.Ordinal) && !paths.Contains(f)))
        {
            File.Delete(file);
        }
    }

    /// <summary>All of them, as text: to see whether a name stands in any.</summary>
    public string Text() => string.Join('\n', Files().Select(File.ReadAllText));

    private string[] Files() => Directory.Exists(folder) ? Directory.GetFiles(folder, "*" + Ending) : [];

    private string PathOf(string component, Digest digest) => Path.Combine(folder, component + "." + digest.ToHex() + Ending);
}

/// <summary>A service as it was deployed once.</summary>
/// <param name="Project">With this service only; contents are external ones.</param>
/// <param name="Port">Where users reached it; null: nowhere.</param>
/// <param name="ContainerPort">As <see cref="RunSettings.ContainerPort"/>.</param>
/// <param name="FixedImage">As <see cref="RunSettings.Image"/>, pinned; null: the artifact was its image.</param>
internal sealed record KeptStack(ComposeProject Project, ComposeService Service, int? Port, int? ContainerPort, string? FixedImage)
{
    /// <summary>Key of what lap itself has to know beside the service.</summary>
    public const string Own = "x-laptime";

    public static KeptStack? Of(ComposeProject project, string component)
    {
        if (project.Find(component) is not { } service)
        {
            return null;
        }

        var own = project.Root.Given(Own);
        return new KeptStack(project, service, Number("port"), Number("container-port"), own?.TextOf("fixed") is "true" ? service.Image : null);

        int? Number(string key) => int.TryParse(own?.TextOf(key), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;
    }

    /// <summary>The component as it was run then: everything of it stands in the service.</summary>
    public Component Over(Component component) => component with
    {
        Run = new RunSettings
        {
            Command = new CommandLine.Exec([]), Port = Port, ContainerPort = ContainerPort, Replicas = Service.Replicas, StopGrace = Service.StopGrace ?? RunSettings.DefaultStopGrace,
            Image = FixedImage, Stack = Service.Settings, Drain = component.Run?.Drain ?? TimeSpan.FromSeconds(5),
        },
    };
}
