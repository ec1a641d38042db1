using System.Globalization;
using System.Text;
using Laptime.Fingerprints;

namespace Laptime.Targets.Docker;

/// <summary>What everything carries that Laptime makes in an engine, and what it is called: the target's truth.</summary>
public static class DockerLabels
{
    public const string Workspace = "laptime.workspace";
    public const string Environment = "laptime.environment";
    public const string Component = "laptime.component";
    public const string Revision = "laptime.revision";
    public const string Artifact = "laptime.artifact";
    public const string Fingerprint = "laptime.fingerprint";
    public const string DeploymentKey = "laptime.deployment-key";
    public const string Transaction = "laptime.transaction";

    /// <summary>What its instances loaded of their dependencies, as <see cref="LoadedText"/> writes it.</summary>
    public const string Loaded = "laptime.loaded";

    /// <summary>Digest of the settings that it was started with, where they are kept for a rollback.</summary>
    public const string Stack = "laptime.stack";

    /// <summary>Fencing token of the lock that it was made under.</summary>
    public const string Fence = "laptime.fence";

    /// <summary>Folder of the workspace: two checkouts of one workspace do not replace each other's containers.</summary>
    public const string Root = "laptime.root";

    /// <summary>How many instances the revision has.</summary>
    public const string Replicas = "laptime.replicas";

    /// <summary>The port that users reach the component at; absent without one.</summary>
    public const string Front = "laptime.front";

    /// <summary>The port that the instance listens on in its container.</summary>
    public const string Port = "laptime.port";

    /// <summary>Id of the image that it was made from.</summary>
    public const string Image = "laptime.image";

    /// <summary>Seconds from SIGTERM to SIGKILL.</summary>
    public const string StopGrace = "laptime.stop-grace";

    /// <summary>The labels of what a request brings.</summary>
    public static Dictionary<string, string> Of(RolloutRequest request, string workspace) => new()
    {
        [Workspace] = workspace, [Environment] = request.Environment, [Component] = request.Component.Name, [Revision] = request.Revision,
        [Artifact] = request.Artifact.ToString(), [Fingerprint] = request.Fingerprint.ToString(), [DeploymentKey] = request.DeploymentKey.ToString(),
        [Transaction] = request.Transaction, [Fence] = request.Fence.ToString(CultureInfo.InvariantCulture), [Loaded] = LoadedText.Format(request.Loads),
    };

    public static Digest DigestOf(string? text) => text is not null && Digest.TryParse(text, out var digest) ? digest : Digest.None;

    /// <summary>A text as part of a name in an engine: letters, digits, <c>_ . -</c>. Texts that differ give names that differ.</summary>
    public static string NamePart(string text)
    {
        var name = new StringBuilder(text.Length);
        foreach (var c in text)
        {
            name.Append(char.IsAsciiLetterOrDigit(c) || c is '_' or '-' ? c : '-');
        }

        return name.ToString() == text && char.IsAsciiLetterOrDigit(text[0]) ? text : $"x{name}-{Digest.Of(text).Short}";
    }
}

/// <summary>Where a container stands in its life. It is in its name, the one thing of a container that can be changed.</summary>
internal enum Standing
{
    /// <summary>Made by a rollout that is not confirmed yet: <c>shop-local-web-1.new-…</c>.</summary>
    New,

    /// <summary>Confirmed: <c>shop-local-web-1</c>.</summary>
    Current,

    /// <summary>Replaced, on its way out: <c>shop-local-web-1.old-…</c>, with the time (seconds since 1970) when it will have gone.</summary>
    Old,

    /// <summary>Renamed by somebody.</summary>
    Foreign,
}

/// <summary>The names of one component's containers.</summary>
internal sealed record ContainerNames(string Workspace, string Environment, string Component)
{
    private string Base { get; } = $"{DockerLabels.NamePart(Workspace)}-{DockerLabels.NamePart(Environment)}-{DockerLabels.NamePart(Component)}";

    public string Current(int instance) => $"{Base}-{instance}";

    public string New(int instance, string transaction, int attempt) => $"{Base}-{instance}.new-{Digest.Of(transaction).Short}{(attempt > 1 ? $".{attempt}" : "")}";

    public string Old(string current, DateTimeOffset gone) => $"{(current.Split('.') is [var own, ..] ? own : Base)}.old-{gone.ToUnixTimeSeconds()}-{Random.Shared.Next(0x1000000):x6}";

    public (Standing Standing, int Instance, DateTimeOffset? Gone) Read(string name)
    {
        if (!name.StartsWith(Base + "-", StringComparison.Ordinal))
        {
            return (Standing.Foreign, 0, null);
        }

        var parts = name[(Base.Length + 1)..].Split('.', 2);
        if (!int.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out var instance))
        {
            return (Standing.Foreign, 0, null);
        }

        return parts is [_, var rest]
            ? rest.StartsWith("new-", StringComparison.Ordinal) ? (Standing.New, instance, null)
                : rest.Split('-') is ["old", var seconds, ..] && long.TryParse(seconds, NumberStyles.None, CultureInfo.InvariantCulture, out var at) && at < 253402300800
                    ? (Standing.Old, instance, DateTimeOffset.FromUnixTimeSeconds(at))
                    : (Standing.Foreign, instance, null)
            : (Standing.Current, instance, null);
    }
}
