using Laptime.Foundations;
using Laptime.Workspaces;

namespace Laptime.Targets.Docker;

/// <summary>Brings a component's image into the engine and names it by its id, which never leads anywhere else.</summary>
internal sealed class DockerImages(EngineClient engine)
{
    private static readonly TimeSpan PullBound = TimeSpan.FromMinutes(15);

    /// <exception cref="FaultException">There is no such image, or it cannot be brought here (rollout-failed).</exception>
    public async Task<ImageInspect> EnsureAsync(RolloutRequest request, RunSettings run, CancellationToken cancel)
    {
        if (run.Image is { } fixedImage)
        {
            return await FixedAsync(request.Component, fixedImage, run.Stack.Count > 0, cancel);
        }

        throw new FaultException(new Fault(
            Outcome.RolloutFailed, $"{request.Component.Name} has no image that could run in Docker", request.Component.At.ToString(), "give it `build.image`, or `run.image: repo@sha256:...`"));
    }

    /// <param name="movable">It may be written without a digest, as compose files do: then what the engine has under that name now is what runs, by its id.</param>
    private async Task<ImageInspect> FixedAsync(Component component, string reference, bool movable, CancellationToken cancel)
    {
        if (!movable && !IsPinned(reference))
        {
            throw new FaultException(new Fault(
                Outcome.RolloutFailed, $"{component.Name}: the image {reference} is not pinned by digest: what it leads to may change unseen", component.At.ToString(),
                "write repo@sha256:... (docker image inspect --format '{{index .RepoDigests 0}}' IMAGE prints it)"));
        }

        if (await engine.InspectImageAsync(reference, cancel) is { } here)
        {
            return here;
        }

        if (reference.StartsWith("sha256:", StringComparison.Ordinal))
        {
            throw new FaultException(new Fault(
                Outcome.RolloutFailed, $"{component.Name}: the engine has no image {reference}", component.At.ToString(), "load it first, or name it repo@sha256:..., which can be pulled"));
        }

        try
        {
            await engine.PullImageAsync(reference, null, PullBound, cancel);
        }
        catch (EngineException e)
        {
            throw new FaultException(new Fault(
                Outcome.RolloutFailed, $"{component.Name}: the image {reference} cannot be had: {e.Fault.What}", component.At.ToString(),
                "correct the reference, or see whether the engine reaches the registry (docker pull)"), e);
        }

        return await engine.InspectImageAsync(reference, cancel)
            ?? throw new FaultException(new Fault(Outcome.RolloutFailed, $"{component.Name}: {reference} was pulled, but the engine does not have it", component.At.ToString()));
    }

    /// <summary>By digest, or the id itself.</summary>
    public static bool IsPinned(string reference)
    {
        var digest = reference[(reference.IndexOf('@', StringComparison.Ordinal) + 1)..];
        return digest.StartsWith("sha256:", StringComparison.Ordinal) && Fingerprints.Digest.TryParse(digest, out _);
    }
}
