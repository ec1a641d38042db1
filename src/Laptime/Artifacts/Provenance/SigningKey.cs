using Laptime.Foundations;
using Laptime.Processes;

namespace Laptime.Artifacts.Provenance;

/// <summary>Signs provenance: a key in a file, or a command in front of one that nobody may read (a hardware module, a service). Shows nothing secret, ever.</summary>
public abstract class SigningKey : IDisposable
{
    private protected SigningKey(VerificationKey verification) => Public = verification;

    public VerificationKey Public { get; }

    /// <summary>An unencrypted PKCS#8 (or SEC 1) PEM file that nobody else may read.</summary>
    /// <exception cref="LapException">There is no such file, others can read it, or it is no such key.</exception>
    public static SigningKey FromFile(string file) => KeyFile.Load(file);

    /// <summary>A command that gets the bytes to sign on its standard input and prints the DER signature, raw or as base64.</summary>
    /// <param name="command">It runs to its deadline (half a minute without one).</param>
    /// <param name="verification">The key that its signatures are checked with before they are used.</param>
    public static SigningKey FromCommand(Command command, VerificationKey verification, ProcessRunner runner) => new SigningCommand(command, verification, runner);

    /// <summary>The signature (ECDSA P-256, SHA-256, DER) of these bytes, verified.</summary>
    /// <exception cref="FaultException">The key did not sign, or signed with another key than it says.</exception>
    public async Task<byte[]> SignAsync(byte[] data, CancellationToken cancel)
    {
        var signature = await MakeAsync(data, cancel).ConfigureAwait(false);
        return Public.Verify(data, signature)
            ? signature
            : throw new FaultException(new Fault(Outcome.BuildFailed, $"{Name} signed, but not so that its public key verifies it", Name, WrongSignature));
    }

    /// <summary>What it is, for messages.</summary>
    public abstract string Name { get; }

    public void Dispose()
    {
        Close();
        Public.Dispose();
        GC.SuppressFinalize(this);
    }

    private protected virtual void Close() { }

    private protected abstract string WrongSignature { get; }

    private protected abstract Task<byte[]> MakeAsync(byte[] data, CancellationToken cancel);
}
