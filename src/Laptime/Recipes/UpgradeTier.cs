using Laptime.Foundations;

namespace Laptime.Recipes;

/// <summary>Head, in place over the base: the crossing has to show on the running system.</summary>
internal static class UpgradeTier
{
    /// <param name="bare">Head as it is without the overlays of recipe.yaml.</param>
    public static async Task RunAsync(Stage stage, VersionFacts bare, TierRun tier, CancellationToken cancel)
    {
        var before = await stage.Driver.ObserveAsync(cancel);
        foreach (var service in bare.Services)
        {
            var applied = stage.HeadFacts.Services.FirstOrDefault(s => s.Name == service.Name);
            tier.Check(applied?.Image == service.Image, $"{service.Name} is head's own{(service.Image is { } image ? $": {image}" : "")}",
                $"an overlay masks head: {service.Name} would run {applied?.Image ?? "not at all"} where head has {service.Image}", "take the image out of `overlay: environment`; a repair of the old version is `base-only`");
        }

        await stage.Driver.PrepareAsync(stage.Head, tier.Timeline, tier.Segment, cancel);
        stage.Present = stage.Head;
        if (await stage.Ledger.DeployAsync(stage.Driver, stage.Placement, stage.Head, "upgrade", tier.Timeline, tier.Segment, cancel) is { } fault)
        {
            tier.Break(fault);
            return;
        }

        var after = await stage.Driver.ObserveAsync(cancel);
        tier.VerifiedVersion = after.Version;
        InstallTier.Standing(stage.HeadFacts, after, tier);
        Crossed(stage, before, after, tier);
        SameVolumes(stage, before, after, tier);
        using (var segment = tier.Begin("assert"))
        {
            foreach (var seeder in stage.Seeders)
            {
                await InstallTier.SurviveAsync(stage, seeder, tier, "survived the upgrade", "did not survive the upgrade", cancel);
            }

            segment.End();
        }

        await stage.AssertAsync(tier, cancel);
    }

    private static void Crossed(Stage stage, Picture before, Picture after, TierRun tier)
    {
        tier.Check(before.Version != after.Version, $"the version moved: {before.Version} → {after.Version}",
            $"nothing was upgraded: the running system says {after.Version} before and after", "raise the version in the recipe, or name another base: --base VERSION");
        var moved = after.Services.Where(s => before.Find(s.Name) is not { } was || was.Spec != s.Spec || was.Content != s.Content).Select(s => s.Name).ToList();
        stage.WasVacuous = moved.Count == 0;
        tier.Check(moved.Count > 0, $"replaced: {string.Join(", ", moved)}", "nothing was replaced: every service runs what it ran before", "a version that changes nothing cannot be upgraded to");
        foreach (var service in stage.HeadFacts.Services)
        {
            if (stage.BaseFacts.Services.FirstOrDefault(s => s.Name == service.Name) is not { } old || before.Find(service.Name) is not { } was || after.Find(service.Name) is not { } now)
            {
                continue;
            }

            if (service.Definition.Length > 0 && old.Definition != service.Definition)
            {
                tier.Check(was.Spec != now.Spec, $"{service.Name} has its new definition", $"{service.Name} is written otherwise in head, and the target still has what it had");
            }

            if (service.Image is not null && old.Image != service.Image)
            {
                tier.Check(was.Content != now.Content, $"{service.Name}: {old.Image} → {service.Image}, another image",
                    $"{service.Name} went from {old.Image} to {service.Image}, and that is the same image", "publish the new content under its own tag, and pull it");
            }
            else if (service.Image is not null && was.Content == now.Content && service.Name == stage.HeadFacts.Main && AppVersion(before.Version) != AppVersion(after.Version))
            {
                tier.Check(false, "", $"the app's version moved {AppVersion(before.Version)} → {AppVersion(after.Version)}, and {service.Name} runs the image it ran: the tag {service.Image} says nothing",
                    "a tag that moves cannot be told apart: name each version's image by a tag of its own, or by digest");
            }
        }

        foreach (var dropped in stage.BaseFacts.Services.Select(s => s.Name).Except(stage.HeadFacts.Services.Select(s => s.Name)))
        {
            tier.Check(after.Find(dropped) is null, $"{dropped} is gone, as head has it", $"{dropped} was left behind: head does not have it any more", "deploys have to remove what was dropped");
        }
    }

    /// <summary>What stands after the + : the app's own version.</summary>
    private static string? AppVersion(string? version) => version?.Split('+') is [_, var app, ..] ? app : null;

    private static void SameVolumes(Stage stage, Picture before, Picture after, TierRun tier)
    {
        foreach (var volume in before.Volumes)
        {
            var now = after.Volumes.FirstOrDefault(v => v.Name == volume.Name);
            tier.Check(now == volume, $"the volume {volume.Name} is the same one", now is null ? $"the volume {volume.Name} is gone" : $"the volume {volume.Name} was replaced by a new one");
            if (!stage.HeadFacts.Volumes.Contains(volume.Name))
            {
                var instead = stage.HeadFacts.Volumes.Except(stage.BaseFacts.Volumes).ToList();
                tier.Check(false, "", $"head does not have the volume {volume.Name} any more{(instead.Count > 0 ? $", but {string.Join(", ", instead)}" : "")}: what was written stays behind",
                    "keep the name of the volume; `name:` under it gives it another one to show");
            }
        }
    }
}
