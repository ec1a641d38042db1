using System.Text;
using Laptime.Foundations;
using Laptime.Processes;

namespace Laptime.Artifacts.Provenance;

/// <summary>A command that signs. Its output is a signature, so it is never shown; what it says on its error stream is.</summary>
internal sealed class SigningCommand(Command command, VerificationKey verification, ProcessRunner runner) : SigningKey(verification)
{
    private const int MostBytes = 4096;
    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(30);

    public override string Name => $"the signing command `{command.Program}`";

    private protected override string WrongSignature => "check that the command signs its standard input with ECDSA P-256 and SHA-256, that it prints DER (raw or base64), and that the public key is its own";

    private protected override async Task<byte[]> MakeAsync(byte[] data, CancellationToken cancel)
    {
        // A file, because programs here get their input from one; its content is public, and goes with it.
        var input = Path.Combine(Path.GetTempPath(), $"lap-sign-{Guid.NewGuid():N}");
        try
        {
            AtomicFile.Write(input, data, durable: false, UnixFileMode.UserRead | UnixFileMode.UserWrite);
            var (result, output) = await runner.RunForBytesAsync(command with { InputFile = input, Deadline = command.Deadline ?? Bound }, MostBytes, cancel).ConfigureAwait(false);
            return result.Succeeded
                ? SignatureIn(output)
                : throw new FaultException(new Fault(Outcome.BuildFailed, $"{Name} did not sign: {result.Ending}", Name, "see what it says, and run it by hand", result.Tail));
        }
        catch (IOException e)
        {
            throw new FaultException(new Fault(Outcome.BuildFailed, $"what is to be signed cannot be written to {input}: {e.Message}", input, "free some disk space in the temporary folder"), e);
        }
        finally
        {
            File.Delete(input);
        }
    }

    /// <summary>DER starts with 0x30; base64 of it with M.</summary>
    private byte[] SignatureIn(byte[] output)
    {
        if (output is [0x30, ..])
        {
            return output;
        }

        try
        {
            // In lines, as base64 prints it.
            if (StrictBase64.Decode(Encoding.ASCII.GetString(output).ReplaceLineEndings(""), "the output") is [0x30, ..] signature)
            {
                return signature;
            }
        }
        catch (FormatException)
        {
            // Told below.
        }

        throw new FaultException(new Fault(Outcome.BuildFailed, $"{Name} printed {output.Length} bytes that are no signature", Name, "it must print the DER signature, raw or as base64, and nothing else"));
    }
}
