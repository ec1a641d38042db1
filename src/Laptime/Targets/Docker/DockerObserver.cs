using System.Globalization;
using Laptime.Foundations;
using Laptime.Signals;
using Laptime.Targets.Local;

namespace Laptime.Targets.Docker;

/// <summary>One container of ours as a listing shows it.</summary>
internal sealed record OurContainer(ContainerSummary Summary, Standing Standing, int Instance, DateTimeOffset? Gone)
{
    public string Id => Summary.Id;

    public bool Runs => Summary.State == "running";

    public string? Label(string name) => Summary.Label(name);

    public int? Number(string label) => int.TryParse(Label(label), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;

    /// <summary>The port of loopback that leads to it; null while it does not run.</summary>
    public int? Published => Number(DockerLabels.Port) is { } inside
        && Summary.Ports?.FirstOrDefault(p => p.PrivatePort == inside && p is { PublicPort: > 0, Type: "tcp" }) is { } port ? port.PublicPort : null;
}

/// <summary>Says what runs: from one listing of the engine and the agent's own word on where the fronts lead. A component whose containers are not exactly as they were left is not serving.</summary>
internal static class DockerObserver
{
    public static OurContainer Read(ContainerSummary summary)
    {
        string Label(string name) => summary.Label(name) ?? "";
        var (standing, instance, gone) = new ContainerNames(Label(DockerLabels.Workspace), Label(DockerLabels.Environment), Label(DockerLabels.Component)).Read(summary.Name);
        return new OurContainer(summary, standing, instance, gone);
    }

    /// <param name="ours">All containers of the component.</param>
    /// <param name="lead">Where its front leads; null: nowhere.</param>
    /// <param name="agentRuns">False: nobody could be asked where it leads.</param>
    /// <param name="now">For what should have gone by now.</param>
    public static Observed StateOf(string component, IReadOnlyList<OurContainer> ours, LeadState? lead, bool agentRuns, DateTimeOffset now)
    {
        OurContainer[] current = [.. ours.Where(c => c.Standing == Standing.Current).OrderBy(c => c.Instance)];
        // Without a confirmed one, what an interrupted deploy left is all there is to tell of.
        var told = current is [var first, ..] ? first : ours.OrderByDescending(c => c.Standing == Standing.New).ThenByDescending(c => c.Summary.Created).First();
        var wanted = told.Number(DockerLabels.Replicas) ?? 1;
        var alive = current.Count(c => c.Runs && c.Label(DockerLabels.Revision) == told.Label(DockerLabels.Revision));
        var detail = Detail(ours, current, told, wanted, lead, agentRuns, now);
        return new Observed
        {
            Component = component, Revision = told.Label(DockerLabels.Revision), Artifact = DockerLabels.DigestOf(told.Label(DockerLabels.Artifact)),
            DeploymentKey = DockerLabels.DigestOf(told.Label(DockerLabels.DeploymentKey)), Fingerprint = DockerLabels.DigestOf(told.Label(DockerLabels.Fingerprint)),
            Transaction = told.Label(DockerLabels.Transaction), Loaded = LoadedText.Parse(told.Label(DockerLabels.Loaded)), Since = DateTimeOffset.FromUnixTimeSeconds(told.Summary.Created), Instances = alive, Of = wanted,
            Serving = detail is null, Detail = detail, Endpoint = told.Number(DockerLabels.Front) is { } port ? $"http://127.0.0.1:{port}" : null,
        };
    }

    /// <summary>Whether the front leads to exactly these.</summary>
    public static bool LeadsTo(LeadState? lead, IReadOnlyList<OurContainer> containers) =>
        lead is { Leads: true } && lead.Backends.Select(b => (int?)b.Port).Order().SequenceEqual(containers.Select(c => c.Published).Order());

    private static string? Detail(
        IReadOnlyList<OurContainer> ours, OurContainer[] current, OurContainer told, int wanted, LeadState? lead, bool agentRuns, DateTimeOffset now)
    {
        if (current.Length == 0)
        {
            return $"left by {told.Label(DockerLabels.Transaction)}, which ended before it was confirmed";
        }

        if (current.FirstOrDefault(c => c.Label(DockerLabels.DeploymentKey) != told.Label(DockerLabels.DeploymentKey)) is { } mixed)
        {
            return $"two revisions stand side by side: {told.Label(DockerLabels.Revision)} and {mixed.Label(DockerLabels.Revision)}";
        }

        if (current.FirstOrDefault(c => c.Label(DockerLabels.Image) != c.Summary.ImageID) is { } other)
        {
            return $"{other.Summary.Name} runs the image {other.Summary.ImageID}, not the one that was deployed";
        }

        if (current.FirstOrDefault(c => !c.Runs) is { } ended)
        {
            var end = ended.Summary.Status is { Length: > 0 } status ? status : ended.Summary.State;
            return wanted == 1 ? $"{end}" : $"{ended.Summary.Name}: {end}";
        }

        if (current.Length != wanted)
        {
            return $"{current.Length} of {wanted} containers are there";
        }

        if (told.Number(DockerLabels.Front) is { } port && !LeadsTo(lead, current))
        {
            return !agentRuns ? $"the agent, which owns port {port}, does not run; `lap agent start` brings it back"
                : lead?.Holder is { } holder ? $"port {port} is in use by {holder}"
                : lead is { Leads: true } && lead.Revision != told.Label(DockerLabels.Revision) ? $"port {port} leads to {lead.Revision}, which is not confirmed"
                : $"port {port} does not lead to it";
        }

        return ours.FirstOrDefault(c => c.Standing is Standing.New or Standing.Foreign || (c.Standing == Standing.Old && c.Gone < now)) is { } extra
            ? extra.Standing == Standing.Foreign ? $"{extra.Summary.Name} carries its labels, and is none that was deployed" : $"{extra.Summary.Name} was left by an interrupted deploy"
            : null;
    }
}
