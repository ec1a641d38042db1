using Laptime.Artifacts;
using Laptime.Artifacts.Registries;
using Laptime.Foundations;
using Laptime.Processes;
using Laptime.Workspaces;

namespace Laptime.Targets.Docker;

/// <summary>The user's own accounts at registries (what <c>docker login</c> left), for pulls that an engine does in their name: the engine itself knows none.</summary>
/// <param name="runner">Asks credential helpers.</param>
/// <param name="folder">Of Docker's config.json; null: the user's.</param>
public sealed class EngineAccounts(ProcessRunner runner, string? folder = null)
{
    private readonly DockerCredentials credentials = new(folder, runner);

    /// <summary>The account for the registry of an image; null: nobody logged in there.</summary>
    /// <exception cref="FaultException">The config file or a helper cannot be read.</exception>
    public async Task<EngineAuth?> OfAsync(string image, CancellationToken cancel)
    {
        try
        {
            var address = RegistryAddress.Parse(ImageReference.AddressOf(image));
            return await credentials.FindAsync(address, cancel) is not { } account ? null
                : account.IsIdentityToken ? new EngineAuth { IdentityToken = account.Secret, Server = address.Authority }
                : new EngineAuth { User = account.User, Password = account.Secret, Server = address.Authority };
        }
        catch (LapException)
        {
            // No name of an image: the engine says so in its own words.
            return null;
        }
        catch (RegistryTrouble e)
        {
            throw new FaultException(new Fault(Outcome.RolloutFailed, e.Message, image, e.Mend), e);
        }
    }
}
